import { expect } from 'chai';
import { PubSubMesh, type MeshNode } from './pubsub-mesh.js';

const topic = 'weather.zurich';
const count = 120;
const texts = Array.from({ length: count }, (_, index) => String(index));
const textsOf = ({ messages }: MeshNode): string[] => messages.map(({ payload }) => Buffer.from(payload).toString());

describe('publish/subscribe over a network that loses, repeats and reorders', function () {
  this.timeout(30_000);

  /** Publishes all messages, one every few milliseconds; `half` runs in the middle. */
  async function run(seed: number, qos: 0 | 1, half: (mesh: PubSubMesh, subscriber: MeshNode) => Promise<void>): Promise<{ subscribers: MeshNode[]; publisher: MeshNode; mesh: PubSubMesh }> {
    const mesh = new PubSubMesh(seed);
    const publisher = await mesh.add();
    const subscribers = [await mesh.add(), await mesh.add(), await mesh.add()];
    for (const subscriber of subscribers) await mesh.subscribe(subscriber, topic);
    mesh.conditions = { lost: 0, repeated: 0, minDelayMs: 1, maxDelayMs: 1 };
    await mesh.until(publisher.pubsub.publish(topic, Buffer.from('first'), { qos }));
    await mesh.clock.advanceAsync(10);
    mesh.conditions = { lost: 0.03, repeated: 0.1, minDelayMs: 1, maxDelayMs: 40 };
    const sent: Promise<unknown>[] = [];
    for (const [index, text] of texts.entries()) {
      sent.push(publisher.pubsub.publish(topic, Buffer.from(text), { qos }));
      await mesh.clock.advanceAsync(5);
      if (index === count / 2) await half(mesh, subscribers[0]!);
    }
    await mesh.until(Promise.all(sent), 300_000);
    mesh.conditions = { lost: 0, repeated: 0, minDelayMs: 1, maxDelayMs: 1 };
    await mesh.clock.advanceAsync(30_000);
    return { subscribers, publisher, mesh };
  }

  const blip = async (mesh: PubSubMesh, subscriber: MeshNode): Promise<void> => {
    mesh.disconnect(subscriber);
    await mesh.clock.advanceAsync(300);
    mesh.reconnect(subscriber);
  };
  const absence = async (mesh: PubSubMesh, subscriber: MeshNode): Promise<void> => {
    mesh.disconnect(subscriber);
    await mesh.clock.advanceAsync(25_000);
    expect(mesh.nodes[0]!.pubsub.stats().subscribersLost).to.equal(1);
    mesh.reconnect(subscriber);
  };
  const nothing = (): Promise<void> => Promise.resolve();

  for (const [what, half] of [['no more than that', nothing], ['a connection lost in the middle', blip], ['a subscriber let go and taken back', absence]] as const) {
    it(`delivers each message of QoS 1 exactly once and in order: ${what}`, async () => {
      for (let seed = 1; seed <= 4; seed++) {
        const { subscribers, mesh } = await run(seed, 1, half);
        for (const subscriber of subscribers) expect(textsOf(subscriber), `seed ${seed}`).to.deep.equal(['first', ...texts]);
        for (const { gaps } of subscribers) expect(gaps, `seed ${seed}`).to.deep.equal([]);
        await mesh.stop();
      }
    });
  }

  it('delivers messages of QoS 0 at most once and in order, and tells every one that is missing', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { subscribers, mesh } = await run(seed, 0, blip);
      for (const { messages, gaps } of subscribers) {
        const seen = messages.map(({ seq }) => seq);
        expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b));
        const missed = gaps.flatMap(({ fromSeq, toSeq }) => Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => fromSeq + index));
        expect([...seen, ...missed].sort((a, b) => a - b), `seed ${seed}`).to.deep.equal(Array.from({ length: count + 1 }, (_, index) => index + 1));
      }
      await mesh.stop();
    }
  });

  it('signs messages together while earlier ones are not acknowledged, and each at once when nothing is under way', async () => {
    const mesh = new PubSubMesh(1);
    const [publisher, subscriber] = [await mesh.add(), await mesh.add()];
    await mesh.subscribe(subscriber, topic);
    mesh.conditions = { lost: 0, repeated: 0, minDelayMs: 20, maxDelayMs: 20 };
    await mesh.until(publisher.pubsub.publish(topic, Buffer.from('first'), { qos: 1 }));
    const bundles = (): number => publisher.pubsub.stats().bundlesSigned;
    const before = bundles();
    const sent = [publisher.pubsub.publish(topic, Buffer.from('alone'), { qos: 1 })];
    await mesh.clock.advanceAsync(0);
    expect(bundles()).to.equal(before + 1);
    for (const text of texts.slice(0, 20)) {
      sent.push(publisher.pubsub.publish(topic, Buffer.from(text), { qos: 1 }));
      await mesh.clock.advanceAsync(1);
    }
    expect(bundles()).to.be.within(before + 4, before + 6);
    await mesh.until(Promise.all(sent));
    expect(textsOf(subscriber)).to.deep.equal(['first', 'alone', ...texts.slice(0, 20)]);
    await mesh.stop();
  });

  it('runs the same with the same seed', async () => {
    const traces = [];
    for (let round = 0; round < 2; round++) {
      const { mesh, subscribers } = await run(7, 1, blip);
      traces.push(JSON.stringify([mesh.sent.length, subscribers.map(({ messages }) => messages.map(({ seq, receivedAt }) => [seq, receivedAt]))]));
      await mesh.stop();
    }
    expect(traces[0]).to.equal(traces[1]);
  });
});
