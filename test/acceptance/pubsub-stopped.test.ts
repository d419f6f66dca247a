import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import type { PubSubGapLine } from '../../src/lib/control/protocol-pubsub.js';
import { MaculaNode, type Settings } from '../../src/lib/index.js';
import type { TelemetryEvents, TelemetryName } from '../../src/lib/observability/telemetry-events.js';
import { until } from '../integration/session/node-fixture.js';
import { bytesInUse } from '../support/bytes-in-use.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const MiB = 2 ** 20;
/** Nothing but what the tests do ends a connection or gives a subscriber up, however slow the machine is. */
const patient = { idleTimeoutMs: 600_000, keepaliveIntervalMs: 300_000, poolStaleMs: 600_000, dhtLivenessIntervalMs: 3_600_000 } satisfies Partial<Settings>;
const patientEnv = { MACULA_IDLE_TIMEOUT: '10m', MACULA_KEEPALIVE_INTERVAL: '5m', MACULA_POOL_STALE: '10m', MACULA_DHT_LIVENESS_INTERVAL: '1h' };

/** What a program on a node was told of a topic. */
class Heard {
  readonly seqs: number[] = [];
  readonly gaps: PubSubGapLine[] = [];
  readonly #leave = new AbortController();
  #began!: () => void;
  readonly began = new Promise<void>((resolve) => (this.#began = resolve));

  constructor(node: NodeProcess, topic: string) {
    void this.#listen(node, topic).catch(() => undefined);
  }

  leave(): void {
    this.#leave.abort();
  }

  async #listen(node: NodeProcess, topic: string): Promise<void> {
    for await (const line of node.control.pubsubSubscribe({ topic }, this.#leave.signal)) {
      if (line.event === 'message') this.seqs.push(line.seq);
      else if (line.event === 'gap') this.gaps.push(line);
      else this.#began();
    }
  }

  get missed(): number[] {
    return this.gaps.flatMap(({ fromSeq, toSeq }) => Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => fromSeq + index));
  }
}

/** What telemetry tells of one node, until it is called. */
function hear<Name extends TelemetryName>({ nodeId }: MaculaNode, name: Name, listener: (event: TelemetryEvents[Name]) => void): () => void {
  const listen = (event: unknown): void => {
    if ((event as { node: string }).node === nodeId) listener(event as TelemetryEvents[Name]);
  };
  subscribe(`macula:${name}`, listen);
  return () => unsubscribe(`macula:${name}`, listen);
}

/** Resolves once that many bytes are less than the limit: collecting goes on beside, and acknowledgements are still coming. @throws Error when it is not within a minute */
async function becomesLess(bytes: () => Promise<number>, limit: number): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (let now = await bytes(); now >= limit; now = await bytes()) {
    if (performance.now() > endMs) throw new Error(`${now} bytes, not below ${limit}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

// SIGSTOP leaves its connection open: nothing tells the publisher that nobody reads any more.
describe('a subscriber whose process is stopped (HARDENING 14)', function () {
  this.timeout(120_000);
  const farm = new NodeFarm();
  const publishers: MaculaNode[] = [];
  let names = 0;

  before(function () {
    if (process.platform === 'win32') this.skip();
  });
  after(async () => {
    await Promise.all(publishers.map((node) => node.stop()));
    await farm.close();
  });

  async function publisherWith(settings: Partial<Settings>): Promise<MaculaNode> {
    const dataDir = await farm.dataDir(`publisher${names++}`);
    const node = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...patient, ...settings });
    publishers.push(node);
    await node.start();
    return node;
  }

  async function subscriberOf(publisher: MaculaNode): Promise<NodeProcess> {
    const node = await farm.start(`subscriber${names++}`, { env: patientEnv, bootstrap: [`https://127.0.0.1:${publisher.listen[0]!.port}`] });
    await node.untilConnectedTo([publisher.nodeId]);
    return node;
  }

  for (const qos of [0, 1] as const) {
    it(`harms nobody else, costs the publisher a bounded queue, and is told what it missed when it goes on (QoS ${qos})`, async () => {
      const [queue, replayed, messages, group] = [100, 300, 2000, 50];
      const payload = Buffer.alloc(16 * 1024, 7);
      const publisher = await publisherWith({ pubsubQueueMessages: queue, pubsubReplayMessages: replayed, pubsubAckTimeoutMs: 300_000, pubsubDeadMs: 3_600_000 });
      const nodes = [await subscriberOf(publisher), await subscriberOf(publisher), await subscriberOf(publisher)] as const;
      const topic = `stopped.qos${qos}`;
      const [first, second, stopped] = nodes.map((node) => new Heard(node, topic)) as [Heard, Heard, Heard];
      await Promise.all([first, second, stopped].map(({ began }) => began));
      const dropped: TelemetryEvents['pubsub:dropped'][] = [];
      const unhear = hear(publisher, 'pubsub:dropped', (what) => dropped.push(what));
      const droppedMessages = (): number => dropped.reduce((sum, what) => sum + what.messages, 0);
      await publisher.pubsub.publish(topic, payload, { qos });
      await until(() => [first, second, stopped].every(({ seqs }) => seqs.length === 1), 'all three have the first message', 60_000);

      const before = await bytesInUse();
      const last = nodes[2];
      last.child.kill('SIGSTOP');
      const stoppedAt = stopped.seqs.length;
      let queuedAtMost = 0;
      const published: Promise<unknown>[] = [];
      try {
        for (let sent = 1; sent < messages; ) {
          for (let count = 0; count < group && sent < messages; count++, sent++) published.push(publisher.pubsub.publish(topic, payload, { qos }));
          await until(() => [first, second].every(({ seqs }) => seqs.length === sent), `the others have ${sent} messages`, 60_000);
          queuedAtMost = Math.max(queuedAtMost, publisher.pubsub.stats().queuedMessages);
        }
        expect([first.seqs, second.seqs]).to.deep.equal([upTo(messages), upTo(messages)]);
        expect([first.gaps, second.gaps]).to.deep.equal([[], []]);
        expect(stopped.seqs, 'it was stopped').to.have.length(stoppedAt);
        expect(queuedAtMost).to.be.within(1, queue);
        expect(publisher.pubsub.stats().messagesDropped.overflow).to.equal(droppedMessages()).and.to.be.above(messages / 2);
        expect(new Set(dropped.map(({ nodeId, reason }) => `${nodeId} ${reason}`))).to.deep.equal(new Set([`${last.nodeId} overflow`]));
        // What is kept for replay, its queue among that, and what is under way are 6 MiB, and the test itself holds some; without bounds it is over 50.
        await becomesLess(async () => (await bytesInUse()) - before, 24 * MiB);
      } finally {
        last.child.kill('SIGCONT');
      }
      expect(await publisher.pubsub.publish(topic, 'it goes on', { qos })).to.include({ subscribers: 3, delivered: 3 });
      await until(() => stopped.seqs.includes(messages + 1), 'it has the last message', 60_000);
      expect([...stopped.seqs, ...stopped.missed].sort((a, b) => a - b), 'each message came or is told as missed, once').to.deep.equal(upTo(messages + 1));
      if (qos === 0) expect(stopped.missed).to.have.length(droppedMessages());
      else expect(stopped.missed.length, 'it was sent again what was kept').to.be.within(1, droppedMessages() - (replayed - queue) / 2);
      expect(new Set(stopped.gaps.map(({ reason }) => reason))).to.deep.equal(new Set([qos === 0 ? 'lost' : 'expired']));
      await Promise.all(published);
      unhear();
      for (const one of [first, second, stopped]) one.leave();
    });
  }

  it('is let go when it stays so, taken back when it answers again, and told what it missed', async () => {
    const publisher = await publisherWith({ pubsubAckTimeoutMs: 1000, pubsubDeadMs: 3000 });
    const node = await subscriberOf(publisher);
    const heard = new Heard(node, 'let.go');
    await heard.began;
    await publisher.pubsub.publish('let.go', 'before');
    await until(() => heard.seqs.length === 1, 'it has the first message');
    const removed: TelemetryEvents['pubsub:subscriber-removed'][] = [];
    const unhear = hear(publisher, 'pubsub:subscriber-removed', (what) => removed.push(what));
    node.child.kill('SIGSTOP');
    try {
      await publisher.pubsub.publish('let.go', 'to nobody');
      await until(() => removed.length > 0, 'it is let go', 60_000);
      expect(removed[0]).to.include({ nodeId: node.nodeId, reason: 'dead' });
      expect(publisher.pubsub.stats()).to.include({ subscribers: 0, queuedMessages: 0, subscribersLost: 1 });
      expect(await publisher.pubsub.publish('let.go', 'to nobody at all')).to.include({ seq: 3, subscribers: 0 });
    } finally {
      node.child.kill('SIGCONT');
    }
    await until(() => publisher.pubsub.stats().subscribers === 1, 'it is taken back', 60_000);
    await publisher.pubsub.publish('let.go', 'after');
    await until(() => heard.seqs.includes(4), 'it has what was published since', 60_000);
    expect([...heard.seqs, ...heard.missed].sort((a, b) => a - b)).to.deep.equal([1, 2, 3, 4]);
    expect(heard.missed).to.include(3);
    unhear();
    heard.leave();
  });
});
