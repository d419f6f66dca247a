import { expect } from 'chai';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture, SessionNetwork } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';

function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof MaculaError ? error.code : undefined;
}

describe('session manager', () => {
  it('admits two nodes of one open realm to each other', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const { a, b, ab, ba } = await network.pair();
    expect([ab.nodeId, ab.direction, ba.nodeId, ba.direction]).to.deep.equal([b.nodeId, 'out', a.nodeId, 'in']);
    expect([ab.hello.agent, ba.hello.agent]).to.deep.equal(['test/b', 'test/a']);
    expect(ba.hello.listen).to.deep.equal([a.endpoint.address]);
    expect([a.sessions.get(b.nodeId), b.sessions.get(a.nodeId)]).to.deep.equal([ab, ba]);
  });

  it('tells each side the address the other sees it at', async () => {
    const { a, b, ab, ba } = await new SessionNetwork().pair();
    expect(ab.hello.observedAddress).to.deep.equal(a.endpoint.address);
    expect(ba.hello.observedAddress).to.deep.equal(b.endpoint.address);
  });

  it('tells each side how far the clock of the other is ahead', async () => {
    const { ab, ba } = await new SessionNetwork({ latencyMs: 10 }).pair();
    expect([ab.hello.clockAheadMs, ba.hello.clockAheadMs]).to.deep.equal([-10, -10]);
  });

  it('gives both connections the same path key and marks them admitted', async () => {
    const { a, b } = await new SessionNetwork().pair({ realmSecret: 's'.repeat(32) });
    const [near, far] = [a.endpoint.connections()[0]!, b.endpoint.connections()[0]!];
    expect([near.admitted, far.admitted]).to.deep.equal([true, true]);
    expect(near.pathKey).to.deep.equal(far.pathKey);
    expect(near.pathKey).to.have.length(32);
  });

  const refusals: { what: string; dialler: object; listener: object; code: ErrorCode; closeCode: number }[] = [
    { what: 'another realm', dialler: { realm: 'x' }, listener: { realm: 'y' }, code: 'MACULA_REALM_MISMATCH', closeCode: CloseCode.realmMismatch },
    { what: 'another secret', dialler: { realmSecret: 'x'.repeat(32) }, listener: { realmSecret: 'y'.repeat(32) }, code: 'MACULA_REALM_PROOF_FAILED', closeCode: CloseCode.realmProofFailed },
    { what: 'no secret in a closed realm', dialler: {}, listener: { realmSecret: 'y'.repeat(32) }, code: 'MACULA_REALM_PROOF_FAILED', closeCode: CloseCode.realmProofFailed },
    { what: 'a secret in an open realm', dialler: { realmSecret: 'y'.repeat(32) }, listener: {}, code: 'MACULA_REALM_PROOF_FAILED', closeCode: CloseCode.realmProofFailed },
  ];
  for (const { what, dialler, listener, code, closeCode } of refusals) {
    it(`refuses ${what} with ${code} on both sides`, async () => {
      const network = new SessionNetwork({ latencyMs: 5 });
      const [a, b] = [await network.node('a', dialler), await network.node('b', listener)];
      const { error } = await network.outcome(a.sessions.dial(b.endpoint.route));
      await network.clock.advanceAsync(50);
      expect(codeOf(error)).to.equal(code);
      expect(a.refused.map((event) => [event.direction, event.code, event.nodeId])).to.deep.equal([['out', code, b.nodeId]]);
      expect(b.refused.map((event) => [event.direction, event.code, event.nodeId])).to.deep.equal([['in', code, a.nodeId]]);
      expect((error as MaculaError).details['closeCode']).to.equal(closeCode);
      expect([...a.sessions.list(), ...b.sessions.list(), ...a.opened, ...b.opened, ...a.endpoint.connections(), ...b.endpoint.connections()]).to.deep.equal([]);
    });
  }

  it('refuses a denied peer that dials, and tells both operators', async () => {
    const network = new SessionNetwork();
    const [a, b] = [await network.node('a'), await network.node('b')];
    b.denied.add(a.nodeId);
    const { error } = await network.outcome(a.sessions.dial(b.endpoint.route));
    expect([codeOf(error), b.refused[0]?.code]).to.deep.equal(['MACULA_PEER_UNTRUSTED', 'MACULA_PEER_UNTRUSTED']);
  });

  it('refuses to keep a connection it dialled to a denied peer', async () => {
    const network = new SessionNetwork();
    const [a, b] = [await network.node('a'), await network.node('b')];
    a.denied.add(b.nodeId);
    const { error } = await network.outcome(a.sessions.dial(b.endpoint.route));
    expect([codeOf(error), b.refused[0]?.code]).to.deep.equal(['MACULA_PEER_UNTRUSTED', 'MACULA_PEER_UNTRUSTED']);
  });

  it('gives up on a peer that does not complete HELLO in time, on both sides', async () => {
    const network = new SessionNetwork();
    const [a, b] = [await network.node('a'), await network.node('b')];
    const silent = network.network.endpoint('c'.repeat(64));
    await silent.start();
    await network.run(silent.dial(b.endpoint.route));
    const dial = network.outcome(a.sessions.dial(silent.route));
    await network.clock.advanceAsync(10_000);
    expect(codeOf((await dial).error)).to.equal('MACULA_TIMED_OUT');
    expect(b.refused.map((event) => event.code)).to.deep.equal(['MACULA_TIMED_OUT']);
    expect(b.endpoint.connections()).to.deep.equal([]);
  });

  it('closes the connection when a dial is cancelled in the middle of HELLO', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const [a, b] = [await network.node('a'), await network.node('b')];
    const controller = new AbortController();
    const dial = network.outcome(a.sessions.dial(b.endpoint.route, { signal: controller.signal }));
    await network.clock.advanceUntil(() => b.endpoint.connections().length > 0);
    controller.abort();
    expect(codeOf((await dial).error)).to.equal('MACULA_ABORTED');
    await network.clock.advanceAsync(100);
    expect([a.endpoint.connections().length, b.endpoint.connections().length, a.refused.length]).to.deep.equal([0, 0, 0]);
  });

  it('leaves no connection behind when it stops in the middle of a dial', async () => {
    for (const afterMs of [5, 15, 25, 35]) {
      const network = new SessionNetwork({ latencyMs: 10 });
      const [a, b] = [await network.node('a'), await network.node('b')];
      const dial = capture(a.sessions.dial(b.endpoint.route));
      await network.clock.advanceAsync(afterMs);
      await network.run(a.sessions.stop());
      await network.run(dial);
      await network.clock.advanceAsync(3000);
      expect([a.endpoint.connections().length, b.endpoint.connections().length, b.sessions.list().length]).to.deep.equal([0, 0, 0]);
    }
  });

  it('gives up a dial at once when it is cancelled while the session there is is being asked for a sign of life', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const { a, b, ab } = await network.pair();
    const controller = new AbortController();
    const dial = capture(a.sessions.dial(b.endpoint.route, { signal: controller.signal }));
    await network.clock.advanceAsync(25);
    expect(a.endpoint.connections()).to.have.length(2);
    controller.abort();
    expect(codeOf((await dial).error)).to.equal('MACULA_ABORTED');
    await network.clock.advanceAsync(50);
    expect([a.endpoint.connections().length, a.sessions.get(b.nodeId) === ab]).to.deep.equal([1, true]);
  });

  it('can be started again after it was stopped', async () => {
    const network = new SessionNetwork();
    const { a, b } = await network.pair();
    await network.run(b.sessions.stop());
    await b.sessions.start();
    expect((await network.run(a.sessions.dial(b.endpoint.route))).nodeId).to.equal(b.nodeId);
  });

  it('resolves a dial with the session there is, by id or by address', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const { a, b, ab } = await network.pair();
    expect(await network.run(a.sessions.dial(b.endpoint.route, { expectedId: b.nodeId }))).to.equal(ab);
    expect(await network.run(a.sessions.dial(b.endpoint.route))).to.equal(ab);
    await network.clock.advanceAsync(100);
    expect([b.opened.length, b.refused.length, b.endpoint.connections().length]).to.deep.equal([1, 0, 1]);
  });

  it('refuses connections of one peer beyond the limit', async () => {
    const network = new SessionNetwork();
    const b = await network.node('b', { maxConnectionsPerPeer: 2 });
    const stranger = network.network.endpoint('c'.repeat(64));
    await stranger.start();
    const connections = [];
    for (let count = 0; count < 3; count++) connections.push(await network.run(stranger.dial(b.endpoint.route)));
    await settle();
    expect(connections.map((connection) => connection.isClosed)).to.deep.equal([false, false, true]);
    expect(await connections[2]!.closed).to.include({ by: 'remote', code: CloseCode.overloaded });
    expect(b.refused.map((event) => event.code)).to.deep.equal(['MACULA_OVERLOADED']);
  });

  it('announces sessions that open and close', async () => {
    const network = new SessionNetwork();
    const { a, b, ab } = await network.pair();
    await network.run(ab.close(CloseCode.requested, 'the operator asked for it'));
    await settle();
    expect(a.closed.map(({ close }) => close)).to.deep.equal([{ by: 'local', code: CloseCode.requested, reason: 'the operator asked for it' }]);
    expect(b.closed.map(({ close }) => close)).to.deep.equal([{ by: 'remote', code: CloseCode.requested, reason: 'the operator asked for it' }]);
    expect([...a.sessions.list(), ...b.sessions.list()]).to.deep.equal([]);
  });

  it('keeps no timer once everything is closed', async () => {
    const network = new SessionNetwork();
    const { a, b, ab } = await network.pair();
    await network.run(ab.ping());
    await Promise.all([a.sessions.stop(), b.sessions.stop()].map((stop) => network.run(stop)));
    await Promise.all([a.endpoint.stop(), b.endpoint.stop()]);
    await network.clock.advanceAsync(1000);
    expect(network.clock.pendingTimers).to.equal(0);
  });

  it('serves nobody it has not admitted', async () => {
    const network = new SessionNetwork();
    const b = await network.node('b');
    let served = 0;
    b.sessions.handle(FrameType.peerExchange, FrameType.peerExchangeReply, () => served++);
    const a = await network.node('a', { realm: 'other' });
    await network.outcome(a.sessions.dial(b.endpoint.route));
    expect(served).to.equal(0);
  });
});
