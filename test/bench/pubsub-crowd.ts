import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaculaNode, type Settings } from '../../src/lib/index.js';
import { until } from '../integration/session/node-fixture.js';
import type { BenchChild } from './child-calls.js';

const payloadBytes = 100;

/** A publisher in this process and its subscribers in others, with default settings but for those given. */
export class PubSubCrowd {
  readonly #publisher: MaculaNode;
  readonly #children: readonly BenchChild[];
  readonly #topic: string;
  readonly #each: number;

  private constructor(publisher: MaculaNode, children: readonly BenchChild[], topic: string, each: number) {
    this.#publisher = publisher;
    this.#children = children;
    this.#topic = topic;
    this.#each = each;
  }

  /** @param crowd.subscribers in each of the children */
  static async start(children: readonly BenchChild[], { topic, subscribers }: { topic: string; subscribers: number }, settings: Partial<Settings>): Promise<PubSubCrowd> {
    const dataDir = await mkdtemp(join(tmpdir(), 'macula-bench-'));
    const publisher = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, realm: topic, pubsubOverflow: 'block', ...settings });
    await publisher.start();
    const bootstrap = `https://127.0.0.1:${publisher.listen[0]!.port}`;
    await Promise.all(children.map((child) => child.call('start', { topic, subscribers, bootstrap })));
    await publisher.pubsub.publish(topic, Buffer.alloc(payloadBytes));
    await until(() => publisher.pubsub.stats().subscribers === children.length * subscribers, 'everybody has subscribed', 60_000);
    return new PubSubCrowd(publisher, children, topic, subscribers);
  }

  /** Messages a second, from the first until every subscriber has the last. @param turns each in a turn of the event loop, and so in packets, of its own */
  async rate(messages: number, { turns }: { turns: boolean }): Promise<number> {
    await this.#reset();
    const startMs = performance.now();
    const sent: Promise<unknown>[] = [];
    for (let count = 0; count < messages; count++) {
      sent.push(this.#publish());
      if (turns) await new Promise((resolve) => setImmediate(resolve));
      // As a program that waits for room does; a queue holds a thousand.
      if (sent.length >= 200) await Promise.all(sent.splice(0));
    }
    await Promise.all(sent);
    await this.#received(messages);
    return messages / ((performance.now() - startMs) / 1000);
  }

  /** From publishing until a subscriber has it, milliseconds, at a steady rate. */
  async latencies(perSecond: number, messages: number): Promise<number[]> {
    await this.#reset();
    const startMs = performance.now();
    for (let sent = 0; sent < messages; ) {
      const due = Math.min(messages, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
      for (; sent < due; sent++) void this.#publish();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#received(messages);
  }

  /** The same for messages published all at once. */
  async burst(messages: number): Promise<number[]> {
    await this.#reset();
    for (let count = 0; count < messages; count++) void this.#publish();
    return this.#received(messages);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.call('stop', this.#topic)));
    await this.#publisher.stop();
    await rm(this.#publisher.settings.dataDir, { recursive: true, force: true });
  }

  #publish(): Promise<unknown> {
    const payload = Buffer.alloc(payloadBytes);
    payload.writeDoubleBE(performance.timeOrigin + performance.now(), 0);
    return this.#publisher.pubsub.publish(this.#topic, payload);
  }

  async #reset(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.call('reset', this.#topic)));
  }

  async #received(messages: number): Promise<number[]> {
    const lists = await Promise.all(this.#children.map((child) => child.call<number[]>('received', { topic: this.#topic, count: messages * this.#each })));
    return lists.flat();
  }
}
