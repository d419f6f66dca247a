import { expect } from 'chai';
import fc from 'fast-check';
import type { PeerSession } from '../../../src/lib/session/peer-session.js';
import type { Session } from '../../../src/lib/session/session.js';
import { CloseCode, type StreamHandler, type TransportStream } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture, SessionNetwork, type SessionNode } from '../../support/session-nodes.js';

const ask = FrameType.call;
const answer = FrameType.reply;

function serve(...nodes: SessionNode[]): void {
  for (const node of nodes) node.sessions.handle(ask, answer, (body) => [body, node.nodeId]);
}

/** Both nodes have one connection, the same one, and use it. */
function agree(a: SessionNode, b: SessionNode): boolean {
  const [near, far] = [a.endpoint.connections(), b.endpoint.connections()];
  if (near.length !== 1 || far.length !== 1 || near[0]!.twin !== far[0]) return false;
  return a.sessions.get(b.nodeId)?.connection === near[0] && b.sessions.get(a.nodeId)?.connection === far[0];
}

describe('sessions with one peer', () => {
  it('become one when both dial at once: the one dialled by the smaller id', async () => {
    for (const latencyMs of [0, 1, 20, 300]) {
      const network = new SessionNetwork({ latencyMs });
      const [a, b] = [await network.node('a'), await network.node('b')];
      const dials = Promise.all([a.sessions.dial(b.endpoint.route), b.sessions.dial(a.endpoint.route)]);
      const [ab, ba] = await network.run(dials);
      await network.clock.advanceUntil(() => agree(a, b));
      expect([ab === a.sessions.get(b.nodeId), ba === b.sessions.get(a.nodeId)]).to.deep.equal([true, true]);
      expect([ab.direction, ba.direction]).to.deep.equal(['out', 'in']);
      expect([...a.refused, ...b.refused]).to.deep.equal([]);
    }
  });

  it('become one and the same on both sides whatever dials cross when, and lose no request', async () => {
    const dial = fc.record({ from: fc.constantFrom('a' as const, 'b' as const), atMs: fc.integer({ min: 0, max: 400 }) });
    const property = fc.asyncProperty(fc.array(dial, { minLength: 2, maxLength: 6 }), fc.integer({ min: 0, max: 120 }), async (dials, latencyMs) => {
      const network = new SessionNetwork({ latencyMs });
      const nodes = { a: await network.node('a'), b: await network.node('b') };
      serve(nodes.a, nodes.b);
      const failures: unknown[] = [];
      let running = dials.length;
      for (const { from, atMs } of dials) {
        const [self, peer] = from === 'a' ? [nodes.a, nodes.b] : [nodes.b, nodes.a];
        network.clock.setTimer(atMs, () => {
          void capture(self.sessions.dial(peer.endpoint.route).then(async (session) => {
            for (let count = 0; count < 5; count++) expect(await session.request(ask, count)).to.deep.equal([count, peer.nodeId]);
          })).then(({ error }) => {
            running--;
            if (error) failures.push(error);
          });
        });
      }
      await network.clock.advanceUntil(() => running === 0 && agree(nodes.a, nodes.b));
      expect(failures).to.deep.equal([]);
    });
    await fc.assert(property, { numRuns: 40 });
  }).timeout(60_000);

  it('close the loser only after the answers to what was asked on it', async () => {
    const network = new SessionNetwork({ latencyMs: 10 });
    const [a, b] = [await network.node('a'), await network.node('b')];
    const releases: (() => void)[] = [];
    for (const node of [a, b]) node.sessions.handle(ask, answer, (body) => new Promise((resolve) => releases.push(() => resolve(body))));
    // Asked as soon as the first session opens, which is the one that b dialled and that loses.
    const asked = new Promise<{ value?: unknown; error?: unknown }>((resolve) => {
      b.sessions.on('opened', (session) => {
        if (session.direction === 'out') void capture(session.request(ask, 'out', { timeoutMs: 30_000 })).then(resolve);
      });
    });
    const dial = b.sessions.dial(a.endpoint.route);
    await network.clock.advanceAsync(15);
    await network.run(Promise.all([dial, a.sessions.dial(b.endpoint.route)]));
    await network.clock.advanceAsync(8000);
    expect([a.endpoint.connections().length, releases.length]).to.deep.equal([2, 1]);
    releases[0]!();
    expect((await network.run(asked)).value).to.equal('out');
    await network.clock.advanceUntil(() => agree(a, b));
    expect(a.sessions.get(b.nodeId)!.direction).to.equal('out');
  });

  // The smaller id gives up the session that the larger one dialled: streams of its own on it, and those of its peer.
  for (const opener of ['a', 'b'] as const) {
    it(`close the loser only after the streams on it have ended, opened by the ${opener === 'a' ? 'node that gives it up' : 'other node'}, however long that takes`, async () => {
      const network = new SessionNetwork({ latencyMs: 10 });
      const nodes = { a: await network.node('a'), b: await network.node('b') };
      const accepted: TransportStream[] = [];
      const told: string[] = [];
      const listen = (side: string): StreamHandler => ({
        onData: (chunk) => void told.push(`${side} ${Buffer.from(chunk).toString()}`), onEnd: () => void told.push(`${side} end`), onReset: (code) => void told.push(`${side} reset ${code}`),
        onStopped: (code) => void told.push(`${side} stopped ${code}`), onDrain: () => undefined, onClose: () => undefined,
      });
      for (const node of [nodes.a, nodes.b]) node.sessions.handleStream('talk', (_header, stream) => (accepted.push(stream), listen('far')));
      // Opened as soon as the first session is there, which is the one that loses.
      let opened: { stream: TransportStream; session: Session } | undefined;
      nodes[opener].sessions.on('opened', (session) => {
        if (session.direction === (opener === 'a' ? 'in' : 'out')) opened ??= { stream: session.openStream('talk', null, listen('near')), session };
      });
      const dial = nodes.b.sessions.dial(nodes.a.endpoint.route);
      await network.clock.advanceAsync(15);
      await network.run(Promise.all([dial, nodes.a.sessions.dial(nodes.b.endpoint.route)]));
      await network.clock.advanceAsync(60 * 60_000);
      const { stream, session } = opened!;
      const winner = nodes[opener].sessions.get(session.nodeId)!;
      expect([winner === session, winner.isClosed, nodes.a.endpoint.connections().length]).to.deep.equal([false, false, 2]);
      stream.write(Buffer.from('late'));
      accepted[0]!.write(Buffer.from('answer'));
      await network.clock.advanceAsync(100);
      // Who holds the loser opens new streams on the winner.
      session.openStream('talk', null, listen('new')).end();
      await network.clock.advanceAsync(100);
      expect(told).to.have.members(['far late', 'near answer', 'far end']);
      stream.end();
      accepted[0]!.end();
      await network.clock.advanceUntil(() => agree(nodes.a, nodes.b), 60_000);
      expect(told).to.have.members(['far late', 'near answer', 'far end', 'far end', 'near end']);
      expect(winner.isClosed).to.equal(false);
    });
  }

  for (const restarted of ['a', 'b'] as const) {
    it(`let a peer in again that restarted while its old session is not yet known to be dead (${restarted === 'a' ? 'smaller' : 'larger'} id)`, async () => {
      const network = new SessionNetwork({ latencyMs: 10 });
      for (const firstDialler of ['a', 'b'] as const) {
        const nodes = { a: await network.node('a'), b: await network.node('b') };
        const [dialler, listener] = firstDialler === 'a' ? [nodes.a, nodes.b] : [nodes.b, nodes.a];
        await network.run(dialler.sessions.dial(listener.endpoint.route));
        await network.clock.advanceAsync(2000);
        const stays = restarted === 'a' ? nodes.b : nodes.a;
        nodes[restarted].endpoint.crash();
        const again = await network.node(restarted);
        serve(again);
        await network.run(again.sessions.dial(stays.endpoint.route));
        await network.clock.advanceAsync(1100);
        const session = stays.sessions.get(again.nodeId)!;
        expect(await network.run(session.request(ask, 'hello'))).to.deep.equal(['hello', again.nodeId]);
        await network.clock.advanceUntil(() => agree(stays, again));
        await network.run(Promise.all([stays.sessions.stop(), again.sessions.stop()]));
        await Promise.all([stays.endpoint.stop(), again.endpoint.stop()]);
      }
    });
  }

  it('pass on what a holder of the loser asks, to the winner', async () => {
    const network = new SessionNetwork({ latencyMs: 30 });
    const [a, b] = [await network.node('a'), await network.node('b')];
    serve(a, b);
    const announced = new Set<PeerSession>();
    for (const node of [a, b]) node.sessions.on('opened', (session) => announced.add(session as PeerSession));
    const dials = Promise.all([b.sessions.dial(a.endpoint.route), a.sessions.dial(b.endpoint.route)]);
    await network.run(dials);
    await network.clock.advanceUntil(() => agree(a, b));
    for (const session of announced) {
      const expected = session.nodeId;
      expect(await network.run(session.request(ask, 1))).to.deep.equal([1, expected]);
    }
  });

  it('announce the close of a session that was announced as open, and of no other', async () => {
    const network = new SessionNetwork({ latencyMs: 30 });
    const [a, b] = [await network.node('a'), await network.node('b')];
    await network.run(Promise.all([b.sessions.dial(a.endpoint.route), a.sessions.dial(b.endpoint.route)]));
    await network.clock.advanceUntil(() => agree(a, b));
    await network.run(a.sessions.get(b.nodeId)!.close(CloseCode.requested, 'done'));
    await network.clock.advanceAsync(1000);
    for (const node of [a, b]) expect(new Set(node.closed.map(({ session }) => session))).to.deep.equal(new Set(node.opened));
  });
});
