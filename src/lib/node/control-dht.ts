import { delay, withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { DhtHandlers } from '../control/ports.js';
import type {
  DhtDeleteInput, DhtGetInput, DhtGetResult, DhtNodesResult, DhtProvidersInput, DhtProvidersResult, DhtPutInput, DhtStoreResult, DhtTraceInput, DhtTraceResult,
} from '../control/protocol-dht.js';
import type { WriteOptions } from '../dht/dht.js';
import type { NodeDht } from './node-dht.js';
import { bytesFrom, writtenBytes } from './written-bytes.js';

/** Pause between two looks for a key that somebody waits for. */
const keyPollMs = 500;

/** What the control socket needs of a node's DHT. */
export type ControlledDht = Pick<NodeDht, 'put' | 'get' | 'delete' | 'findProviders' | 'trace' | 'nodes'>;

/** What a node does for its control socket about the DHT. */
export class DhtControl implements DhtHandlers {
  readonly #dht: ControlledDht;
  readonly #clock: Clock;

  constructor(components: { dht: ControlledDht; clock: Clock }) {
    this.#dht = components.dht;
    this.#clock = components.clock;
  }

  async dhtPut({ key, value, encoding, ttlMs, timeoutMs, ...write }: DhtPutInput, signal: AbortSignal): Promise<DhtStoreResult> {
    const bytes = bytesFrom(value, encoding);
    return this.#within(timeoutMs, `storing ${JSON.stringify(key)}`, signal, (stop) =>
      this.#dht.put(key, bytes, { ...writeOptions(write, stop), ...(ttlMs === undefined ? {} : { ttlMs }) }),
    );
  }

  async dhtGet({ key, owner, quorum, fresh, timeoutMs }: DhtGetInput, signal: AbortSignal): Promise<DhtGetResult> {
    const found = await this.#within(timeoutMs, `reading ${JSON.stringify(key)}`, signal, (stop) =>
      this.#dht.get(key, { quorum, fresh, signal: stop, ...(owner === undefined ? {} : { owner }) }),
    );
    if (!found) throw new MaculaError('MACULA_NOT_FOUND', `there is no value under ${JSON.stringify(key)}`, { details: { key, owner: owner ?? null }, hint: 'Check the name; `macula dht trace` shows who was asked.' });
    const { value, ...rest } = found;
    return { ...rest, ...writtenBytes(value) };
  }

  dhtDelete({ key, timeoutMs, ...write }: DhtDeleteInput, signal: AbortSignal): Promise<DhtStoreResult> {
    return this.#within(timeoutMs, `deleting ${JSON.stringify(key)}`, signal, (stop) => this.#dht.delete(key, writeOptions(write, stop)));
  }

  async dhtProviders({ name, kind, fresh, timeoutMs }: DhtProvidersInput, signal: AbortSignal): Promise<DhtProvidersResult> {
    const what = `the ${kind} ${JSON.stringify(name)}`;
    const found = await this.#within(timeoutMs, `finding who provides ${what}`, signal, (stop) => this.#dht.findProviders(kind, name, { fresh, signal: stop }));
    if (found.providers.length === 0) throw new MaculaError('MACULA_NOT_FOUND', `nobody provides ${what}`, { details: { name, kind } });
    return { ...found, kind, providers: found.providers.map(({ nodeId, seq, expiresAt }) => ({ nodeId, seq, expiresAt })) };
  }

  async dhtTrace({ key, owner, timeoutMs }: DhtTraceInput, signal: AbortSignal): Promise<DhtTraceResult> {
    const trace = await this.#within(timeoutMs, `looking ${JSON.stringify(key)} up`, signal, (stop) => this.#dht.trace(key, { signal: stop, ...(owner === undefined ? {} : { owner }) }));
    return {
      ...trace,
      steps: trace.steps.map(({ durationMs, ...step }) => ({ ...step, durationMs: durationMs ?? null })),
      holders: [...trace.holders],
      closest: trace.closest.map(({ nodeId }) => nodeId),
    };
  }

  dhtNodes(): DhtNodesResult {
    const nodes = [...this.#dht.nodes()].sort((a, b) => b.bucket - a.bucket);
    return {
      nodes: nodes.map(({ addresses, rttMs, lastSeenSecondsAgo, ...node }) => ({ ...node, addresses: [...addresses], rttMs: rttMs ?? null, lastSeenSeconds: lastSeenSecondsAgo })),
    };
  }

  /** Resolves once a value under the key can be read; looks until the signal aborts. */
  async waitForKey(key: string, signal: AbortSignal): Promise<void> {
    while (!(await this.#dht.get(key, { quorum: 'one', fresh: true, signal }))) await delay(this.#clock, keyPollMs, signal);
  }

  #within<Result>(timeoutMs: number, what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    return withTimeout(this.#clock, timeoutMs, what, signal, work);
  }
}

function writeOptions({ minReplicas, expectedSequence, owned }: Pick<DhtPutInput, 'minReplicas' | 'expectedSequence' | 'owned'>, signal: AbortSignal): WriteOptions {
  return { owned, signal, ...(minReplicas === undefined ? {} : { minReplicas }), ...(expectedSequence === undefined ? {} : { expectedSequence }) };
}
