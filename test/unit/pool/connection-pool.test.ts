import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';
import { peerId, PoolLab, type FakeSession } from './pool-lab.js';

const ask = FrameType.call;
const minute = 60_000;

async function startedLab(settings: ConstructorParameters<typeof PoolLab>[0] = {}): Promise<PoolLab> {
  const lab = new PoolLab(settings);
  await lab.pool.start();
  return lab;
}

function unreachable(): MaculaError {
  return new MaculaError('MACULA_UNREACHABLE', 'nobody there');
}

describe('connection pool', () => {
  it('serves 2,000 peers with 1,000 connections, of which the least recently used goes first', async () => {
    const lab = await startedLab();
    for (let index = 0; index < 2000; index++) expect(await lab.run(lab.pool.request(peerId(index), ask, index))).to.equal(index);
    expect(lab.mostLive).to.equal(1000);
    expect(lab.closedOrder).to.deep.equal(Array.from({ length: 1000 }, (_, index) => peerId(index)));
    for (let index = 1999; index >= 1000; index--) await lab.pool.request(peerId(index), ask, index);
    const { size, max, hits, misses, hitRate, dials, evictions } = lab.pool.stats();
    expect({ size, max, hits, misses, hitRate, dials, evictions }).to.deep.equal({
      size: 1000, max: 1000, hits: 1000, misses: 2000, hitRate: 1 / 3, dials: 2000, evictions: { lru: 1000, idle: 0, failed: 0 },
    });
  });

  it('dials a peer once however many ask at the same time', async () => {
    const lab = await startedLab();
    const replies = await lab.run(Promise.all(Array.from({ length: 50 }, (_, index) => lab.pool.request(peerId(1), ask, index))));
    expect(replies).to.deep.equal(Array.from({ length: 50 }, (_, index) => index));
    expect(lab.dialled).to.have.length(1);
    expect(lab.pool.stats()).to.include({ dials: 1, misses: 50, hits: 0 });
  });

  it('lets everybody who waits for a dial keep their own deadline', async () => {
    const lab = await startedLab();
    lab.dialMs = 1000;
    const patient = lab.outcome(lab.pool.request(peerId(1), ask, 'patient', { timeoutMs: 3000 }));
    const hasty = await lab.outcome(lab.pool.request(peerId(1), ask, 'hasty', { timeoutMs: 200 }));
    expect([hasty.code, lab.clock.nowMs()]).to.deep.equal(['MACULA_TIMED_OUT', 200]);
    expect((await patient).value).to.equal('patient');
  });

  it('gives up a dial nobody waits for any more', async () => {
    const lab = await startedLab();
    lab.dialMs = 1000;
    const abort = new AbortController();
    const asked = capture(lab.pool.acquire(peerId(1), { signal: abort.signal }));
    await settle();
    abort.abort();
    expect(((await asked).error as MaculaError).code).to.equal('MACULA_ABORTED');
    await lab.clock.advanceAsync(2000);
    expect([lab.live.size, lab.pool.stats().size]).to.deep.equal([0, 0]);
  });

  it('uses the connection of a peer that came by itself while it was being dialled', async () => {
    const lab = await startedLab();
    lab.dialMs = 1000;
    const asked = lab.pool.acquire(peerId(1));
    await settle();
    const inbound = lab.open(peerId(1));
    const lease = await asked;
    expect(lease.session).to.equal(inbound);
    expect(lab.clock.nowMs()).to.equal(0);
    expect(lab.dialSignals.map(({ aborted }) => aborted), 'nobody is dialled any more').to.deep.equal([true]);
    await lab.clock.advanceAsync(2000);
    expect([inbound.isClosed, lab.log]).to.deep.equal([false, ['opened in 1']]);
  });

  it('tries the addresses of the caller before those of the address book', async () => {
    const lab = await startedLab();
    lab.book.set(peerId(1), [{ host: '192.0.2.1', port: 1 }]);
    await lab.run(lab.pool.acquire(peerId(1), { addresses: [{ host: '192.0.2.2', port: 2 }] }));
    expect(lab.dialled[0]!.addresses.map(({ port }) => port)).to.deep.equal([2, 1]);
  });

  it('does not hold it against a peer that nobody knows where it is', async () => {
    const lab = await startedLab();
    lab.book.set(peerId(1), []);
    for (let attempt = 0; attempt < 10; attempt++) {
      const { error } = await lab.outcome(lab.pool.acquire(peerId(1)));
      expect(error!.message).to.equal('no address of the peer is known');
    }
    lab.book.delete(peerId(1));
    expect(await lab.run(lab.pool.request(peerId(1), ask, 1))).to.equal(1);
  });

  it('dials nobody who was marked untrusted, and does not hold it against them', async () => {
    const lab = await startedLab();
    lab.denied.add(peerId(1));
    for (let attempt = 0; attempt < 10; attempt++) expect((await lab.outcome(lab.pool.acquire(peerId(1)))).code).to.equal('MACULA_PEER_UNTRUSTED');
    expect(lab.dialled).to.deep.equal([]);
    lab.denied.clear();
    expect(await lab.run(lab.pool.request(peerId(1), ask, 1))).to.equal(1);
  });

  it('refuses to connect to its own node', async () => {
    const lab = await startedLab();
    expect((await lab.outcome(lab.pool.acquire(peerId(0xffff_ffff)))).code).to.equal('MACULA_SELF_DIAL');
  });

  describe('when full', () => {
    it('evicts nothing in use or kept, and says it is overloaded when that is all there is', async () => {
      const lab = await startedLab({ poolMax: 3 });
      const lease = await lab.run(lab.pool.acquire(peerId(1)));
      lab.pool.keep('dht', [peerId(2)]);
      await lab.run(lab.pool.request(peerId(2), ask, 2));
      await lab.run(lab.pool.request(peerId(3), ask, 3));
      await lab.run(lab.pool.request(peerId(4), ask, 4));
      expect(lab.closedOrder).to.deep.equal([peerId(3)]);
      lab.pool.keep('peers', [peerId(4)]);
      expect((await lab.outcome(lab.pool.acquire(peerId(5)))).code).to.equal('MACULA_OVERLOADED');
      lease.release();
      lease.release();
      expect(await lab.run(lab.pool.request(peerId(5), ask, 5))).to.equal(5);
      expect(lab.closedOrder).to.deep.equal([peerId(3), peerId(1)]);
    });

    it('makes room for peers that connect by themselves, and turns them away when it cannot', async () => {
      const lab = await startedLab({ poolMax: 2 });
      lab.open(peerId(1));
      lab.open(peerId(2));
      lab.open(peerId(3));
      expect([...lab.live.keys()]).to.deep.equal([peerId(2), peerId(3)]);
      lab.pool.keep('peers', [peerId(2), peerId(3)]);
      const turnedAway = lab.open(peerId(4));
      expect(turnedAway.closedWith).to.deep.equal({ code: 0x0c, reason: 'all connections of the pool are in use' });
      expect(lab.pool.stats().size).to.equal(2);
    });

    it('does not evict a connection on which a request of the peer is being served', async () => {
      const lab = await startedLab({ poolMax: 1 });
      const busy = lab.open(peerId(1));
      let finish!: (value: unknown) => void;
      lab.pool.serve(ask, FrameType.reply, () => new Promise((resolve) => (finish = resolve)));
      const reply = lab.handlers.get(ask)!(null, { session: busy as never, signal: new AbortController().signal });
      expect((await lab.outcome(lab.pool.acquire(peerId(2)))).code).to.equal('MACULA_OVERLOADED');
      finish('done');
      expect(await reply).to.equal('done');
      expect(await lab.run(lab.pool.request(peerId(2), ask, 2))).to.equal(2);
    });
  });

  describe('under virtual time', () => {
    it('closes connections nobody used for five minutes, and only those', async () => {
      const lab = await startedLab();
      lab.pool.keep('peers', [peerId(3)]);
      for (const index of [1, 2, 3, 4]) await lab.run(lab.pool.request(peerId(index), ask, index));
      const lease = await lab.pool.acquire(peerId(4));
      await lab.clock.advanceAsync(4 * minute);
      await lab.run(lab.pool.request(peerId(2), ask, 2));
      await lab.clock.advanceAsync(minute + 1000);
      expect(lab.closedOrder).to.deep.equal([peerId(1)]);
      await lab.clock.advanceAsync(4 * minute);
      expect(lab.closedOrder).to.deep.equal([peerId(1), peerId(2)]);
      lease.release();
      lab.pool.keep('peers', []);
      await lab.clock.advanceAsync(10 * minute);
      expect(lab.live.size).to.equal(0);
      expect(lab.pool.stats().evictions).to.deep.equal({ lru: 0, idle: 4, failed: 0 });
    });

    it('pings a connection on which nothing was heard before it carries a request, once for all who ask', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const session = lab.live.get(peerId(1))!;
      await lab.clock.advanceAsync(25_000);
      await lab.run(Promise.all([1, 2, 3].map((body) => lab.pool.request(peerId(1), ask, body))));
      expect([session.pings, lab.dialled.length]).to.deep.equal([1, 1]);
      await lab.clock.advanceAsync(25_000);
      session.lastSeenMs = lab.clock.nowMs();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      expect(session.pings).to.equal(1);
    });

    it('replaces a dead connection behind the back of callers, within their deadlines', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const dead = lab.live.get(peerId(1))!;
      dead.answer = undefined;
      await lab.clock.advanceAsync(25_000);
      expect(await lab.run(lab.pool.request(peerId(1), ask, 'again', { timeoutMs: 2000 }))).to.equal('again');
      expect(dead.closedWith?.reason).to.equal('the connection did not answer');
      expect(lab.pool.stats()).to.deep.include({ dials: 2, misses: 2, evictions: { lru: 0, idle: 0, failed: 1 } });
      expect(lab.log).to.deep.equal(['opened out 1', 'closed failed 1', 'opened out 1']);
    });

    it('leaves a connection that must stay to its keepalive: a silent peer is an error now, and fine once it answers again', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const session = lab.live.get(peerId(1))!;
      const { answer } = session;
      lab.pool.keep('test', [peerId(1)]);
      session.answer = undefined;
      await lab.clock.advanceAsync(25_000);
      expect((await lab.outcome(lab.pool.request(peerId(1), ask, 2, { timeoutMs: 2000 }))).code).to.equal('MACULA_UNREACHABLE');
      session.answer = answer;
      expect(await lab.run(lab.pool.request(peerId(1), ask, 3))).to.equal(3);
      expect([session.closedWith, lab.dialled.length]).to.deep.equal([undefined, 1]);
    });

    it('trusts a connection with a new request only after a ping when the last request on it timed out', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const session = lab.live.get(peerId(1))!;
      const { answer } = session;
      session.answer = undefined;
      expect((await lab.outcome(lab.pool.request(peerId(1), ask, 2, { timeoutMs: 500 }))).code).to.equal('MACULA_TIMED_OUT');
      session.answer = answer;
      expect(await lab.run(lab.pool.request(peerId(1), ask, 3))).to.equal(3);
      expect([session.pings, lab.dialled.length]).to.deep.equal([1, 1]);
    });

    it('keeps a connection whose check nobody waited for, and checks it for the next caller', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const session = lab.live.get(peerId(1))!;
      const { answer } = session;
      session.answer = undefined;
      await lab.clock.advanceAsync(25_000);
      expect((await lab.outcome(lab.pool.request(peerId(1), ask, 2, { timeoutMs: 100 }))).code).to.equal('MACULA_TIMED_OUT');
      session.answer = answer;
      await lab.clock.advanceAsync(5000);
      expect(await lab.run(lab.pool.request(peerId(1), ask, 3))).to.equal(3);
      expect([session.pings, lab.dialled.length, lab.pool.stats().size]).to.deep.equal([2, 1, 1]);
    });
  });

  describe('when a connection breaks', () => {
    it('sends a request again on a new one if running it twice does no harm', async () => {
      const lab = await startedLab();
      const breakFirst = (session: FakeSession): void => {
        session.answer = () => {
          session.end({ by: 'error', code: 0, reason: 'reset' });
          throw new MaculaError('MACULA_CONNECTION_CLOSED', 'reset');
        };
        lab.prepare = () => undefined;
      };
      lab.prepare = breakFirst;
      expect(await lab.run(lab.pool.request(peerId(1), ask, 'safe', { idempotent: true }))).to.equal('safe');
      lab.live.get(peerId(1))!.end({ by: 'remote', code: 0, reason: 'bye' });
      lab.prepare = breakFirst;
      expect((await lab.outcome(lab.pool.request(peerId(1), ask, 'unsafe'))).code).to.equal('MACULA_CONNECTION_CLOSED');
      expect(lab.dialled).to.have.length(3);
    });

    it('dials anew when the connection was gone before the request was written', async () => {
      const lab = await startedLab();
      const asked = lab.pool.request(peerId(1), ask, 'late');
      lab.prepare = (session) => {
        lab.prepare = () => undefined;
        queueMicrotask(() => session.end({ by: 'remote', code: 0, reason: 'changed my mind' }));
      };
      expect(await lab.run(asked)).to.equal('late');
      expect(lab.dialled).to.have.length(2);
    });
  });

  describe('leaves alone', () => {
    it('a peer that failed five times in a row, for five seconds at first, then tries it once', async () => {
      const lab = await startedLab();
      lab.refuse = unreachable;
      for (let attempt = 0; attempt < 5; attempt++) expect((await lab.outcome(lab.pool.acquire(peerId(1)))).code).to.equal('MACULA_UNREACHABLE');
      const { error } = await lab.outcome(lab.pool.acquire(peerId(1)));
      expect(error!.details).to.include({ failures: 5 });
      expect(error!.details['retryAfterMs']).to.be.within(5000, 6000);
      expect(lab.dialled).to.have.length(5);
      expect(lab.log.at(-1)).to.equal('excluded 1');
      await lab.clock.advanceAsync(6000);
      lab.refuse = () => undefined;
      expect(await lab.run(Promise.all([lab.pool.request(peerId(1), ask, 1), lab.pool.request(peerId(1), ask, 2)]))).to.deep.equal([1, 2]);
      expect(lab.dialled).to.have.length(6);
    });

    it('no peer any longer once it has connected by itself', async () => {
      const lab = await startedLab();
      lab.refuse = unreachable;
      for (let attempt = 0; attempt < 6; attempt++) await lab.outcome(lab.pool.acquire(peerId(1)));
      lab.open(peerId(1));
      expect(await lab.run(lab.pool.request(peerId(1), ask, 1))).to.equal(1);
    });

    it('a peer that lets five requests time out although it answers pings', async () => {
      const lab = await startedLab();
      await lab.run(lab.pool.request(peerId(1), ask, 1));
      const session = lab.live.get(peerId(1))!;
      session.answer = (body) => (body === null ? null : Promise.reject(new MaculaError('MACULA_TIMED_OUT', 'no answer')));
      for (let attempt = 0; attempt < 5; attempt++) expect((await lab.outcome(lab.pool.request(peerId(1), ask, 1))).code).to.equal('MACULA_TIMED_OUT');
      expect((await lab.outcome(lab.pool.request(peerId(1), ask, 1))).code).to.equal('MACULA_UNREACHABLE');
      expect(lab.pool.stats({ connections: true }).connections![0]!.health.status).to.equal('excluded');
    });

    it('nobody for errors with which the peer answered', async () => {
      const lab = await startedLab();
      lab.prepare = (session) => (session.answer = () => Promise.reject(new MaculaError('MACULA_REMOTE_ERROR', 'no')));
      for (let attempt = 0; attempt < 10; attempt++) expect((await lab.outcome(lab.pool.request(peerId(1), ask, 1))).code).to.equal('MACULA_REMOTE_ERROR');
      expect(lab.pool.stats({ connections: true }).connections![0]!.health).to.include({ status: 'good', consecutiveFailures: 0 });
    });
  });

  it('shows each connection with its state, path, idle time and health', async () => {
    const lab = await startedLab();
    for (const index of [1, 2, 3]) await lab.run(lab.pool.request(peerId(index), ask, index));
    lab.pool.keep('dht', [peerId(2)]);
    await lab.pool.acquire(peerId(3));
    await lab.clock.advanceAsync(7000);
    lab.dialMs = 60_000;
    lab.pool.acquire(peerId(4)).catch(() => undefined);
    await settle();
    const { connections } = lab.pool.stats({ connections: true });
    expect(connections!.map(({ state, path, idleSeconds, inFlight }) => ({ state, path, idleSeconds, inFlight }))).to.deep.equal([
      { state: 'idle', path: 'direct', idleSeconds: 7, inFlight: 0 },
      { state: 'kept', path: 'direct', idleSeconds: 7, inFlight: 0 },
      { state: 'in-use', path: 'direct', idleSeconds: 0, inFlight: 1 },
      { state: 'dialling', path: undefined, idleSeconds: 0, inFlight: 1 },
    ]);
    expect(connections![0]!.health).to.deep.equal({ status: 'good', consecutiveFailures: 0, lastSuccessSecondsAgo: 7, rttMs: 5 });
  });

  it('ends what is under way when it stops, and takes what is open when it starts again', async () => {
    const lab = await startedLab();
    lab.open(peerId(1));
    const asked = capture(lab.pool.acquire(peerId(2)));
    await settle();
    await lab.pool.stop();
    await lab.pool.stop();
    expect(((await asked).error as MaculaError).code).to.equal('MACULA_ABORTED');
    expect((await lab.outcome(lab.pool.acquire(peerId(1)))).code).to.equal('MACULA_ABORTED');
    await lab.pool.start();
    expect(await lab.run(lab.pool.request(peerId(1), ask, 1))).to.equal(1);
    expect(lab.pool.stats().dials).to.equal(1);
  });

  it('never holds more than its limit nor drops what is in use, whatever happens', async () => {
    const step = fc.record({ what: fc.constantFrom('acquire', 'release', 'inbound', 'break', 'silence', 'keep', 'time', 'refuse'), peer: fc.integer({ min: 0, max: 11 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const lab = await startedLab({ poolMax: 4, poolIdleMs: 5000, poolStaleMs: 2000 });
        const random = seededRandom(7);
        const leases: { session: FakeSession; release: () => void }[] = [];
        let refused = -1;
        lab.refuse = (nodeId) => (nodeId === peerId(refused) ? unreachable() : undefined);
        for (const { what, peer } of steps) {
          const nodeId = peerId(peer);
          if (what === 'acquire') void lab.pool.acquire(nodeId).then((lease) => leases.push(lease as never), () => undefined);
          if (what === 'release') leases.splice(random.integer(leases.length + 1), 1)[0]?.release();
          if (what === 'inbound' && !lab.live.has(nodeId)) lab.open(nodeId);
          if (what === 'break') lab.live.get(nodeId)?.end({ by: 'error', code: 0, reason: 'gone' });
          if (what === 'silence') for (const session of lab.live.values()) session.answer = session.nodeId === nodeId ? undefined : (body) => body;
          if (what === 'keep') lab.pool.keep('test', [nodeId]);
          if (what === 'refuse') refused = peer;
          await lab.clock.advanceAsync(what === 'time' ? 3000 : 5);
          const { size, connections } = lab.pool.stats({ connections: true });
          expect(size).to.be.at.most(4);
          const open = connections!.filter(({ state }) => state !== 'dialling').map((connection) => connection.nodeId);
          expect(open).to.have.members([...lab.live.keys()]);
        }
        await lab.clock.advanceAsync(1500);
        const dropped = leases.filter(({ session }) => session.closedWith !== undefined && session.closedWith.reason !== 'the connection did not answer');
        expect(dropped).to.deep.equal([]);
        for (const { release } of leases) release();
        lab.pool.keep('test', []);
        await lab.clock.advanceAsync(60_000);
        expect([lab.pool.stats().size, lab.live.size]).to.deep.equal([0, 0]);
      }),
      { numRuns: 60, seed: 42 },
    );
  });
});
