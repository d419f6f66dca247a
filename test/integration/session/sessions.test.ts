import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import type { MaculaError } from '../../../src/lib/base/errors.js';
import type { Session } from '../../../src/lib/session/session.js';
import { CloseCode, type StreamHandler } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture } from '../../support/session-nodes.js';
import { newIdentity } from '../transport/endpoint-fixture.js';
import { NodeFixture, until, type RealNode } from './node-fixture.js';

const ask = FrameType.call;
const answer = FrameType.reply;

/** Answers every stream with the SHA-256 of what came on it. */
function hashingStream(write: (digest: Buffer) => void): StreamHandler {
  const hash = createHash('sha256');
  return { onData: (chunk) => void hash.update(chunk), onEnd: () => write(hash.digest()), onReset: () => undefined, onStopped: () => undefined, onDrain: () => undefined, onClose: () => undefined };
}

describe('sessions over QUIC', () => {
  const fixture = new NodeFixture();
  afterEach(() => fixture.close());

  async function connected(settings = {}): Promise<{ a: RealNode; b: RealNode; ab: Session; ba: Session }> {
    const [a, b] = [await fixture.node(settings), await fixture.node(settings)];
    const ab = await a.sessions.dial(b.route, { expectedId: b.nodeId });
    await until(() => b.opened.length > 0, 'the other side has a session');
    return { a, b, ab, ba: b.opened[0]! };
  }

  for (const realmSecret of ['', 's'.repeat(32)]) {
    it(`connect two nodes of one ${realmSecret === '' ? 'open' : 'closed'} realm, which then serve each other`, async () => {
      const { a, b, ab, ba } = await connected({ realmSecret });
      for (const node of [a, b]) node.sessions.handle(ask, answer, (body) => [body, node.nodeId]);
      expect(await ab.request(ask, 1)).to.deep.equal([1, b.nodeId]);
      expect(await ba.request(ask, 2)).to.deep.equal([2, a.nodeId]);
      expect(ab.hello.observedAddress).to.deep.equal(a.endpoint.localAddresses[0]);
      expect(await ba.ping()).to.be.above(0);
    });
  }

  const refusals = [
    { what: 'a wrong realm secret', dialler: { realmSecret: 'x'.repeat(32) }, listener: { realmSecret: 'y'.repeat(32) }, code: 'MACULA_REALM_PROOF_FAILED' },
    { what: 'a secret where there is none', dialler: { realmSecret: 'x'.repeat(32) }, listener: {}, code: 'MACULA_REALM_PROOF_FAILED' },
    { what: 'no secret where there is one', dialler: {}, listener: { realmSecret: 'x'.repeat(32) }, code: 'MACULA_REALM_PROOF_FAILED' },
    { what: 'another realm', dialler: { realm: 'x' }, listener: {}, code: 'MACULA_REALM_MISMATCH' },
  ];
  for (const { what, dialler, listener, code } of refusals) {
    it(`refuse ${what} with ${code} on both sides`, async () => {
      const [a, b] = [await fixture.node(dialler), await fixture.node(listener)];
      const { error } = await capture(a.sessions.dial(b.route));
      await until(() => b.refused.length > 0, 'the other side knows');
      expect([(error as MaculaError).code, a.refused[0]?.code, b.refused[0]?.code]).to.deep.equal([code, code, code]);
      expect([...a.opened, ...b.opened]).to.deep.equal([]);
    });
  }

  it('answer 10,000 requests, 64 at a time', async () => {
    const { b, ab } = await connected();
    b.sessions.handle(ask, answer, (body) => body);
    const body = randomBytes(100);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < 10_000) {
        const index = next++;
        expect((await ab.request(ask, [index, body]))).to.deep.equal([index, new Uint8Array(body)]);
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    expect(next).to.equal(10_000);
  });

  it('carry bodies of 1 MiB both ways, many at once', async () => {
    const { b, ab } = await connected();
    b.sessions.handle(ask, answer, (body) => body);
    const body = randomBytes(1024 * 1024);
    const replies = await Promise.all(Array.from({ length: 16 }, () => ab.request(ask, body, { timeoutMs: 20_000 })));
    for (const reply of replies) expect(body.equals(reply as Uint8Array)).to.equal(true);
  });

  it('survive two nodes that flood each other with large requests for large replies', async () => {
    const { a, b, ab, ba } = await connected();
    for (const node of [a, b]) node.sessions.handle(ask, answer, () => new Uint8Array(512 * 1024));
    const flood = [ab, ba].flatMap((session) => Array.from({ length: 50 }, () => session.request(ask, new Uint8Array(200_000), { timeoutMs: 20_000 })));
    expect(await Promise.all(flood)).to.have.length(100);
    expect([...a.closed, ...b.closed]).to.deep.equal([]);
  });

  it('carry 10 MB on a stream of its own while requests go on', async () => {
    const { b, ab } = await connected();
    b.sessions.handle(ask, answer, (body) => body);
    b.sessions.handleStream('hash', (_header, stream) => hashingStream((digest) => {
      stream.write(digest);
      stream.end();
    }));
    const data = randomBytes(10_000_000);
    const received: Buffer[] = [];
    const digest = new Promise<Buffer>((resolve) => {
      const stream = ab.openStream('hash', null, {
        onData: (chunk) => void received.push(Buffer.from(chunk)), onEnd: () => resolve(Buffer.concat(received)),
        onReset: () => undefined, onStopped: () => undefined, onDrain: () => undefined, onClose: () => undefined,
      });
      stream.write(Buffer.from(data));
      stream.end();
    });
    const pings = Promise.all(Array.from({ length: 20 }, (_, index) => ab.request(ask, index)));
    expect(await pings).to.have.length(20);
    expect((await digest).equals(createHash('sha256').update(data).digest())).to.equal(true);
  });

  it('reject what waits when the other node closes, with its reason', async () => {
    const { a, b, ab, ba } = await connected();
    b.sessions.handle(ask, answer, () => new Promise(() => undefined));
    const waiting = capture(ab.request(ask, 1));
    await ab.ping();
    await ba.close(CloseCode.requested, 'the operator asked for it');
    expect(((await waiting).error as MaculaError).code).to.equal('MACULA_CONNECTION_CLOSED');
    await until(() => a.closed.length > 0, 'closed is announced');
    expect(a.closed[0]!.close).to.deep.equal({ by: 'remote', code: CloseCode.requested, reason: 'the operator asked for it' });
  });

  it('settle on one and the same session when both dial at once, 50 times over', async () => {
    const identities = [await newIdentity(), await newIdentity()];
    for (let round = 0; round < 50; round++) {
      const [a, b] = [await fixture.node({}, identities[0]), await fixture.node({}, identities[1])];
      for (const node of [a, b]) node.sessions.handle(ask, answer, (body) => [body, node.nodeId]);
      const [ab, ba] = await Promise.all([a.sessions.dial(b.route), b.sessions.dial(a.route)]);
      expect(await Promise.all([ab.request(ask, 1), ba.request(ask, 2)])).to.deep.equal([[1, b.nodeId], [2, a.nodeId]]);
      const single = (): boolean => [a, b].every((node) => node.endpoint.connections().length === 1 && node.sessions.list().length === 1);
      await until(single, `round ${round}: one session on both sides`);
      const smaller = a.nodeId < b.nodeId ? a : b;
      const larger = smaller === a ? b : a;
      const kept = [smaller.sessions.get(larger.nodeId)!, larger.sessions.get(smaller.nodeId)!];
      expect(kept.map(({ direction }) => direction)).to.have.members(['in', 'out']);
      expect(await Promise.all([ab.request(ask, 3), ba.request(ask, 4)])).to.deep.equal([[3, b.nodeId], [4, a.nodeId]]);
      await fixture.close();
    }
  }).timeout(60_000);
});
