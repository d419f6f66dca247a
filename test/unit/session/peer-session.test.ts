import { expect } from 'chai';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { PeerSession } from '../../../src/lib/session/peer-session.js';
import type { RequestContext } from '../../../src/lib/session/session.js';
import { CloseCode, type TransportStream } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture, SessionNetwork } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';

const ask = FrameType.call;
const answer = FrameType.reply;

function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof MaculaError ? error.code : undefined;
}

/** A promise that never settles by itself, and what settles it. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settled) => (resolve = settled));
  return { promise, resolve };
}

describe('session requests', () => {
  it('answers with what the handler returns or resolves to, both ways', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { a, b, ab, ba } = await network.pair();
    b.sessions.handle(ask, answer, (body) => ({ got: body }));
    a.sessions.handle(ask, answer, async (body) => [body]);
    expect(await network.run(ab.request(ask, 'x'))).to.deep.equal({ got: 'x' });
    expect(await network.run(ba.request(ask, 'y'))).to.deep.equal(['y']);
  });

  it('carries a MaculaError with code, message and details, and hides every other error', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    b.sessions.handle(ask, answer, (body) => {
      if (body === 'known') throw new MaculaError('MACULA_STORE_FAILED', 'no space', { details: { path: '/x' } });
      throw new TypeError('secret inside');
    });
    const known = (await network.outcome(ab.request(ask, 'known'))).error as MaculaError;
    expect([known.code, known.message, known.details]).to.deep.equal(['MACULA_STORE_FAILED', 'no space', { path: '/x' }]);
    const unknown = (await network.outcome(ab.request(ask, 'bug'))).error as MaculaError;
    expect(unknown.code).to.equal('MACULA_REMOTE_ERROR');
    expect(unknown.message).to.not.contain('secret');
  });

  it('answers a type nobody serves with MACULA_NOT_FOUND', async () => {
    const network = new SessionNetwork();
    const { ab } = await network.pair();
    expect(codeOf((await network.outcome(ab.request(ask, 1))).error)).to.equal('MACULA_NOT_FOUND');
    expect(ab.isClosed).to.equal(false);
  });

  it('times out, cancels at the peer, and ignores the late reply', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { b, ab } = await network.pair();
    const late = deferred<string>();
    let context: RequestContext | undefined;
    b.sessions.handle(ask, answer, (_body, given) => ((context = given), late.promise));
    const startMs = network.clock.nowMs();
    const { error } = await network.outcome(ab.request(ask, 1, { timeoutMs: 200 }));
    expect([codeOf(error), network.clock.nowMs() - startMs]).to.deep.equal(['MACULA_TIMED_OUT', 200]);
    await network.clock.advanceAsync(10);
    expect(context!.signal.aborted).to.equal(true);
    late.resolve('too late');
    await network.clock.advanceAsync(10);
    expect((ab as PeerSession).pendingRequests).to.equal(0);
  });

  it('counts a reply that crosses the cancellation and does nothing with it', async () => {
    const network = new SessionNetwork({ latencyMs: 50 });
    const { b, ab } = await network.pair();
    b.sessions.handle(ask, answer, () => 'done');
    const { error } = await network.outcome(ab.request(ask, 1, { timeoutMs: 80 }));
    await network.clock.advanceAsync(200);
    expect([codeOf(error), (ab as PeerSession).lateReplies, ab.isClosed]).to.deep.equal(['MACULA_TIMED_OUT', 1, false]);
  });

  it('rejects at once when the caller aborts, and aborts the signal of the handler', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    let signal: AbortSignal | undefined;
    b.sessions.handle(ask, answer, (_body, context) => ((signal = context.signal), new Promise(() => undefined)));
    const controller = new AbortController();
    const outcome = capture(ab.request(ask, 1, { signal: controller.signal }));
    await settle();
    expect(signal!.aborted).to.equal(false);
    controller.abort();
    expect(codeOf((await outcome).error)).to.equal('MACULA_ABORTED');
    await settle();
    expect(signal!.aborted).to.equal(true);
    expect(codeOf((await network.outcome(ab.request(ask, 1, { signal: controller.signal }))).error)).to.equal('MACULA_ABORTED');
  });

  it('rejects everything that waits when the connection is lost', async () => {
    const network = new SessionNetwork();
    const { b, ab, ba } = await network.pair();
    let signal: AbortSignal | undefined;
    b.sessions.handle(ask, answer, (_body, context) => ((signal = context.signal), new Promise(() => undefined)));
    const outcomes = Array.from({ length: 10 }, (_, index) => capture(ab.request(ask, index)));
    await settle();
    ba.connection.close(CloseCode.normal, 'gone');
    expect((await Promise.all(outcomes)).map(({ error }) => codeOf(error))).to.deep.equal(Array(10).fill('MACULA_CONNECTION_CLOSED'));
    expect([(ab as PeerSession).pendingRequests, signal!.aborted]).to.deep.equal([0, true]);
    expect(codeOf((await network.outcome(ab.request(ask, 1))).error)).to.equal('MACULA_CONNECTION_CLOSED');
  });

  it('refuses what cannot travel or is too large, and goes on', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair({ maxFrameBytes: 64 * 1024 });
    b.sessions.handle(ask, answer, (body) => (body === 'large' ? new Uint8Array(70_000) : body));
    expect(codeOf((await network.outcome(ab.request(ask, new Date()))).error)).to.equal('MACULA_INVALID_VALUE');
    expect(codeOf((await network.outcome(ab.request(ask, new Uint8Array(70_000)))).error)).to.equal('MACULA_INVALID_VALUE');
    expect(codeOf((await network.outcome(ab.request(ask, 'large'))).error)).to.equal('MACULA_INVALID_VALUE');
    expect(await network.run(ab.request(ask, new Uint8Array(64 * 1024)))).to.have.length(64 * 1024);
    expect((ab as PeerSession).pendingRequests).to.equal(0);
  });

  it('spreads messages over its message streams', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair({ messageStreams: 4 });
    b.sessions.handle(ask, answer, (body) => body);
    const sent = Array.from({ length: 64 }, (_, index) => ab.request(ask, index));
    expect(await network.run(Promise.all(sent))).to.deep.equal(Array.from({ length: 64 }, (_, index) => index));
  });

  it('uses one message stream until a first round trip is over, and then as many as the setting says', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const [a, b] = [await network.node('a', { messageStreams: 4 }), await network.node('b')];
    b.sessions.handle(ask, answer, (body) => body);
    const ab = await network.run(a.sessions.dial(b.endpoint.route));
    expect(messageStreams(ab)).to.have.length(1);
    // Too large for the first frame of a stream the peer does not know.
    const large = capture(Promise.all([1, 2, 3, 4].map(() => ab.request(ask, new Uint8Array(100_000)))));
    await network.clock.advanceAsync(19);
    expect(messageStreams(ab)).to.have.length(1);
    await network.clock.advanceAsync(50);
    expect([messageStreams(ab).length, messageStreams(b.opened[0]!).length]).to.deep.equal([4, 4]);
    expect([(await large).error, ab.isClosed]).to.deep.equal([undefined, false]);
  });

  it('opens its other message streams also where the first ping was not answered in time', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const [a, b] = [await network.node('a', { messageStreams: 4, requestTimeoutMs: 100 }), await network.node('b')];
    const ab = await network.run(a.sessions.dial(b.endpoint.route));
    for (const stream of messageStreams(ab)) stream.pause();
    await network.clock.advanceAsync(99);
    expect(messageStreams(ab)).to.have.length(1);
    await network.clock.advanceAsync(2);
    expect(messageStreams(ab)).to.have.length(4);
  });

  it('delivers notifications and survives a handler that fails', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    const got: unknown[] = [];
    b.sessions.handleNotify(FrameType.cast, (body, { session }) => {
      got.push([body, session.nodeId]);
      if (body === 1) throw new Error('bug');
    });
    expect([ab.notify(FrameType.cast, 1), ab.notify(FrameType.cast, 2), ab.notify(FrameType.publish, 3)]).to.deep.equal([true, true, true]);
    await settle();
    expect(got).to.deep.equal([[1, ab.nodeId === b.nodeId ? 'a'.repeat(64) : ''], [2, 'a'.repeat(64)]]);
    expect(ab.isClosed).to.equal(false);
  });

  it('measures round trips', async () => {
    const network = new SessionNetwork({ latencyMs: 20 });
    const { ab } = await network.pair();
    expect(await network.run(ab.ping())).to.equal(40);
    expect(ab.rttMs).to.equal(40);
  });
});

describe('session limits', () => {
  it('refuses requests beyond the limit per peer and beyond the limit of the node', async () => {
    for (const limit of ['maxRequestsPerPeer', 'maxRequests'] as const) {
      const network = new SessionNetwork();
      const { b, ab } = await network.pair({ [limit]: 2 });
      const gate = deferred<string>();
      b.sessions.handle(ask, answer, () => gate.promise);
      const outcomes = Array.from({ length: 3 }, () => capture(ab.request(ask, 1)));
      await settle();
      gate.resolve('ok');
      const results = await Promise.all(outcomes);
      expect(results.map(({ value, error }) => value ?? codeOf(error))).to.deep.equal(['ok', 'ok', 'MACULA_OVERLOADED']);
      expect((results[2]!.error as MaculaError).details).to.deep.include({ limit });
      expect(await network.run(ab.request(ask, 1))).to.equal('ok');
    }
  });

  it('refuses requests beyond the rate and serves again as time passes', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair({ requestRatePerPeer: 10 });
    b.sessions.handle(ask, answer, () => 'ok');
    const results = await Promise.all(Array.from({ length: 12 }, () => capture(ab.request(ask, 1))));
    expect(results.filter(({ value }) => value === 'ok')).to.have.length(10);
    expect(results.filter(({ error }) => codeOf(error) === 'MACULA_OVERLOADED')).to.have.length(2);
    await network.clock.advanceAsync(500);
    expect(await network.run(ab.request(ask, 1))).to.equal('ok');
  });

  it('stops serving a peer that does not read its replies, and goes on when it reads', async () => {
    const network = new SessionNetwork();
    const { a, b, ab } = await network.pair();
    let served = 0;
    b.sessions.handle(ask, answer, () => (served++, new Uint8Array(512 * 1024)));
    for (const stream of messageStreams(ab)) stream.pause();
    const requests = Promise.all(Array.from({ length: 100 }, () => ab.request(ask, 1)));
    requests.catch(() => undefined);
    await settle(20);
    expect(served).to.be.within(16, 40);
    expect(a.closed).to.deep.equal([]);
    for (const stream of messageStreams(ab)) stream.resume();
    expect((await network.run(requests)).length).to.equal(100);
    expect(served).to.equal(100);
  });

  it('closes the session of a peer that never reads its replies', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    b.sessions.handle(ask, answer, () => new Uint8Array(512 * 1024));
    for (const stream of messageStreams(ab)) stream.pause();
    for (let count = 0; count < 100; count++) ab.request(ask, 1).catch(() => undefined);
    await network.clock.advanceAsync(20_000);
    expect(b.closed.map(({ close }) => close.code)).to.deep.equal([CloseCode.overloaded]);
  });

  it('lets two nodes flood each other without waiting for each other', async () => {
    const network = new SessionNetwork();
    const { a, b, ab, ba } = await network.pair();
    for (const node of [a, b]) node.sessions.handle(ask, answer, () => new Uint8Array(512 * 1024));
    const flood = [ab, ba].flatMap((session) => Array.from({ length: 100 }, () => session.request(ask, new Uint8Array(50_000))));
    expect(await network.run(Promise.all(flood))).to.have.length(200);
  });
});

describe('session life', () => {
  it('notices a peer that died, long before the transport does', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { a, b } = await network.pair();
    const startMs = network.clock.nowMs();
    b.endpoint.crash();
    await network.clock.advanceUntil(() => a.closed.length > 0);
    expect(network.clock.nowMs() - startMs).to.be.within(29_000, 31_000);
    expect(a.closed[0]!.close.by).to.equal('timeout');
    expect(a.sessions.list()).to.deep.equal([]);
  });

  it('keeps a quiet session alive for hours', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { a, b } = await network.pair();
    for (let minutes = 0; minutes < 120; minutes += 10) await network.clock.advanceAsync(600_000);
    expect([a.closed, b.closed]).to.deep.equal([[], []]);
  }).timeout(60_000);

  it('survives a cut shorter than the keepalive allows, and loses no request', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { a, b, ab } = await network.pair();
    b.sessions.handle(ask, answer, () => 'ok');
    network.network.cut(a.endpoint.address, b.endpoint.address);
    const request = capture(ab.request(ask, 1));
    await network.clock.advanceAsync(3000);
    network.network.heal(a.endpoint.address, b.endpoint.address);
    expect((await network.run(request)).value).to.equal('ok');
  });

  it('drains on stop: serves what it has, refuses what is new, and tells why it leaves', async () => {
    const network = new SessionNetwork({ latencyMs: 5 });
    const { a, b, ab } = await network.pair();
    const gate = deferred<string>();
    b.sessions.handle(ask, answer, (body) => (body === 'slow' ? gate.promise : 'fast'));
    const slow = capture(ab.request(ask, 'slow'));
    await network.clock.advanceAsync(20);
    const stopped = capture(b.sessions.stop());
    const refused = await network.outcome(ab.request(ask, 'new'));
    expect(codeOf(refused.error)).to.equal('MACULA_OVERLOADED');
    gate.resolve('done');
    expect((await network.run(slow)).value).to.equal('done');
    await network.run(stopped);
    await network.clock.advanceAsync(20);
    expect(a.closed.map(({ close }) => [close.by, close.code])).to.deep.equal([['remote', CloseCode.shuttingDown]]);
    expect(codeOf((await network.outcome(a.sessions.dial(b.endpoint.route))).error)).to.equal('MACULA_PEER_REFUSED');
  });

  it('does not wait longer than the drain timeout for a request that hangs', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair({ drainTimeoutMs: 2000 });
    b.sessions.handle(ask, answer, () => new Promise(() => undefined));
    const hanging = capture(ab.request(ask, 1, { timeoutMs: 60_000 }));
    await settle();
    const startMs = network.clock.nowMs();
    await network.run(b.sessions.stop());
    expect(network.clock.nowMs() - startMs).to.be.within(2000, 2500);
    expect(codeOf((await network.run(hanging)).error)).to.equal('MACULA_CONNECTION_CLOSED');
  });

  it('does not wait for handlers whose callers gave up or are gone', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    b.sessions.handle(ask, answer, () => new Promise(() => undefined));
    const controller = new AbortController();
    const cancelled = capture(ab.request(ask, 1, { signal: controller.signal }));
    const lost = capture(ab.request(ask, 2));
    await settle();
    controller.abort();
    await network.run(ab.close(CloseCode.requested, 'bye'));
    expect([codeOf((await cancelled).error), codeOf((await lost).error)]).to.deep.equal(['MACULA_ABORTED', 'MACULA_CONNECTION_CLOSED']);
    const startMs = network.clock.nowMs();
    await network.run(b.sessions.stop());
    expect(network.clock.nowMs() - startMs).to.equal(0);
  });

  it('closes even when the peer does not answer the farewell', async () => {
    const network = new SessionNetwork();
    const { a, b, ab } = await network.pair();
    network.network.cut(a.endpoint.address, b.endpoint.address);
    const startMs = network.clock.nowMs();
    await network.run(ab.close(CloseCode.requested, 'bye'));
    expect(network.clock.nowMs() - startMs).to.equal(1000);
  });
});

/** The message streams of a session, to play a peer that does not read. */
function messageStreams(session: object): readonly TransportStream[] {
  const { connection } = session as PeerSession;
  return (connection as unknown as { streams(): readonly TransportStream[] }).streams();
}
