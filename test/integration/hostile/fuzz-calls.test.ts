import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { fuzzedTopics } from '../../fuzz/call-frames.js';
import { fuzz, growthBytes, type FuzzReport } from '../../fuzz/fuzzer.js';
import { metric, untilPeer } from '../../support/node-observation.js';
import { NodeFarm, type NodeProcess } from '../../support/node-process.js';

const rounds = 80;
const warmUpRounds = 30;
/** Garbage collection moves resident memory by some 20 MiB. */
const allowedGrowthBytes = 32 * 2 ** 20;

// The long form is a program: npx tsx test/fuzz/run.ts --kind calls --seed 1 --seconds 600
describe('a node under mutated messages of RPC and publish/subscribe', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  const ending = new AbortController();
  let isOver = false;

  after(async () => {
    ending.abort();
    await farm.close();
  });

  /** A procedure that is slow enough for a hostile peer to cancel it, or to be gone. */
  async function serveSlowly(node: NodeProcess): Promise<void> {
    for await (const event of node.control.rpcServe({ procedure: 'waits', concurrency: 100 }, 10_000, ending.signal)) {
      if (event.event === 'call') setTimeout(() => void node.control.rpcAnswer({ callId: event.callId, result: event.args }).catch(() => undefined), 20);
    }
  }

  /** Calls and publishes as an honest peer does, one after the other, and counts. */
  async function useHonestly(friend: NodeProcess, target: NodeProcess): Promise<number> {
    for (let count = 1; ; count++) {
      const called = await friend.control.rpcCall({ procedure: 'macula.echo', args: { count }, node: target.nodeId, timeoutMs: 10_000 });
      expect(called.result).to.deep.equal({ count });
      const published = await friend.control.pubsubPublish({ topic: 'fuzz.honest', payload: String(count), encoding: 'utf8', qos: 1, timeoutMs: 10_000 });
      expect(published).to.include({ subscribers: 1, delivered: 1 });
      if (isOver) return count;
    }
  }

  /** The node calls its attackers, so that what they send as answers are answers to something. */
  async function callAttackers(target: NodeProcess): Promise<Set<string>> {
    const codes = new Set<string>();
    while (!isOver) {
      const { peers } = await target.control.peers();
      const calls = peers.filter(({ state, nodeId }) => state === 'connected' && nodeId).map(({ nodeId }) => target.control.rpcCall({ procedure: 'macula.echo', args: 1, node: nodeId!, timeoutMs: 200 }));
      for (const outcome of await Promise.allSettled(calls)) codes.add(outcome.status === 'fulfilled' ? 'answered' : MaculaError.from(outcome.reason).code);
    }
    return codes;
  }

  it('lives, calls and delivers for honest peers all the while exactly once, and does not grow', async function () {
    if (process.platform !== 'linux') return this.skip();
    const target = await farm.start('fuzzed');
    const friend = await farm.start('friend', { bootstrap: [target.url] });
    await untilPeer(target, ({ nodeId, state }) => nodeId === friend.nodeId && state === 'connected');
    const heard: string[] = [];
    const subscribed = new Promise<void>((resolve, reject) => {
      void (async () => {
        for await (const event of target.control.pubsubSubscribe({ topic: fuzzedTopics }, ending.signal)) {
          if (event.event === 'subscribed') resolve();
          else if (event.event === 'message' && event.publisher === friend.nodeId) heard.push(event.payload);
        }
      })().catch(reject);
    });
    void serveSlowly(target).catch(() => undefined);
    await subscribed;
    const honest = useHonestly(friend, target);
    const attacked = callAttackers(target);
    let report: FuzzReport;
    try {
      report = await fuzz({ port: target.port, pid: target.child.pid! }, { seed: 11, kind: 'calls', goOn: (done) => done < rounds, warmUpRounds });
    } finally {
      isOver = true;
    }
    const [count, codes] = await Promise.all([honest, attacked]);
    expect(heard, 'each message once and in order').to.deep.equal(Array.from({ length: count }, (_, index) => String(index + 1)));
    expect(codes, 'no call of an attacker ends in a bug of the node').not.to.include('MACULA_UNEXPECTED');
    expect([report.pings, report.admitted > rounds / 2, report.frames > 10 * rounds]).to.deep.equal([rounds, true, true]);
    const { procedures } = await target.control.rpcList();
    expect(procedures.find(({ name }) => name === 'waits')!.cancelled, 'calls of attackers ran, and ended with their connections').to.be.above(0);
    expect((await metric(target, 'macula_pubsub_received_total'))[''], 'messages of attackers got as far as those of honest peers').to.be.above(count);
    expect(growthBytes(report)).to.be.below(allowedGrowthBytes);
    expect((await metric(target, 'macula_sessions_refused_total'))['reason="MACULA_PROTOCOL_VIOLATION"']).to.be.a('number');
    expect(target.log.filter((line) => /"level":"(error|fatal)"/.test(line)), 'nothing a stranger sends is an error of the node').to.deep.equal([]);
  });
});
