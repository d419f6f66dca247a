import { resolve } from 'node:path';
import { MaculaError } from '../../src/lib/base/errors.js';
import { packageRoot } from './cli.js';
import { NodeFarm, type NodeProcess } from './node-process.js';

export interface PathFaults {
  readonly seed: number;
  readonly loss?: number;
  readonly duplicates?: number;
  readonly reordering?: number;
}

/** Time for anything on a bad path; what takes longer hangs. */
const patienceMs = 60_000;
const topic = 'rough.path';

/** Two nodes in processes of their own; what they send each other is treated badly. The first serves `count` from a program at its control socket. */
export class RoughPair {
  readonly #farm = new NodeFarm();
  readonly #ending = new AbortController();
  /** How often the procedure ran, by its argument. */
  readonly executions = new Map<number, number>();
  /** Messages as they came, in order. */
  readonly heard: string[] = [];
  server!: NodeProcess;
  client!: NodeProcess;

  constructor(private readonly faults: PathFaults) {}

  /** Resolves once both are connected and the first serves and listens. */
  async start(): Promise<void> {
    const { seed, loss = 0, duplicates = 0, reordering = 0 } = this.faults;
    const env = (offset: number): Record<string, string> => ({
      NODE_OPTIONS: `--import ${resolve(packageRoot, 'test/support/bad-sends.mjs')}`, MACULA_HOST: '127.0.0.1',
      TEST_SEED: String(seed + offset), TEST_LOSS: String(loss), TEST_DUPLICATES: String(duplicates), TEST_REORDERING: String(reordering),
    });
    this.server = await this.#farm.start('server', { env: env(0) });
    this.client = await this.#farm.start('client', { env: env(1), bootstrap: [this.server.url] });
    await this.client.untilConnectedTo([this.server.nodeId]);
    await new Promise<void>((ready, reject) => void this.#serve(ready).catch(reject));
    await new Promise<void>((ready, reject) => void this.#listen(ready).catch(reject));
  }

  /** Calls at once, one for each number from 0 on; resolves with what each came to: `right`, `wrong` or the code of its error. */
  async call(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, async (_, value) => {
      const request = { procedure: 'count', args: value, node: this.server.nodeId, timeoutMs: patienceMs };
      return this.client.control.rpcCall(request).then(({ result }) => (result === value ? 'right' : 'wrong'), (error: unknown) => MaculaError.from(error).code);
    }));
  }

  /** Publishes numbers from 0 on with QoS 1; resolves when all are acknowledged. */
  async publish(count: number): Promise<void> {
    for (let value = 0; value < count; value++) {
      const { delivered } = await this.client.control.pubsubPublish({ topic, payload: String(value), qos: 1, timeoutMs: patienceMs });
      if (delivered !== 1) throw new Error(`message ${value} was acknowledged by ${delivered}`);
    }
  }

  /** Stores values and reads them back from the other node. @throws Error where one is not what was stored */
  async store(count: number): Promise<void> {
    for (let value = 0; value < count; value++) {
      await this.client.control.dhtPut({ key: `rough.${value}`, value: `v${value}`, minReplicas: 2, timeoutMs: patienceMs });
      const read = await this.server.control.dhtGet({ key: `rough.${value}`, fresh: true, timeoutMs: patienceMs });
      if (read.value !== `v${value}`) throw new Error(`rough.${value} is ${read.value}`);
    }
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#farm.close();
  }

  async #serve(ready: () => void): Promise<void> {
    const { control } = this.server;
    for await (const event of control.rpcServe({ procedure: 'count', concurrency: 10_000 }, patienceMs, this.#ending.signal)) {
      if (event.event === 'serving') ready();
      if (event.event !== 'call') continue;
      const value = event.args as number;
      this.executions.set(value, (this.executions.get(value) ?? 0) + 1);
      void control.rpcAnswer({ callId: event.callId, result: value }).catch(() => undefined);
    }
  }

  async #listen(ready: () => void): Promise<void> {
    for await (const event of this.server.control.pubsubSubscribe({ topic }, this.#ending.signal)) {
      if (event.event === 'subscribed') ready();
      else if (event.event === 'message') this.heard.push(event.payload);
    }
  }
}
