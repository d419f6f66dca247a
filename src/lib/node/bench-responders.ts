import { onceAborted, withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import { TokenBucket } from '../base/token-bucket.js';
import { longestBenchMs } from '../control/protocol-bench.js';
import type { ProcedureRegistry } from '../rpc/procedure-registry.js';
import { procedureError } from '../rpc/status.js';
import type { NodePubSub } from './node-pubsub.js';

/**
 * What other nodes' benchmarks need of this one. Whoever may call procedures here may call these, so each is bounded: few at
 * once, none for long, and no faster than they could be used in earnest.
 */

/** Procedures for benchmarks: subscribes to a topic for as long as the call lasts; takes bytes and drops them. */
export const benchProcedures = { subscribe: 'macula.bench.subscribe', sink: 'macula.bench.sink' } as const;

/** Each subscription tells publishers and the DHT of itself, and of that a stranger must not cause much. */
const maxSubscribes = 4;
const subscribesPerSecond = 0.5;

/** Transfers taken at once, of all callers together. What comes is dropped, and flow control keeps little of it in memory. */
const maxSinks = 16;
/** What one transfer may carry, so that nobody makes a node take in data without end. */
export const maxSinkBytes = 1024 ** 3;

/** A topic of benchmarks and of nothing else: 128 random bits, in hex. */
const benchTopic = /^macula\.bench\.[0-9a-f]{32}$/;

export interface ResponderComponents {
  readonly registry: ProcedureRegistry;
  readonly pubsub: Pick<NodePubSub, 'subscribe'>;
  readonly clock: Clock;
}

/** Adds the procedures to those the node serves. */
export function addBenchResponders({ registry, pubsub, clock }: ResponderComponents): void {
  const bucket = new TokenBucket(maxSubscribes, subscribesPerSecond);
  registry.addBuiltIn(benchProcedures.subscribe, (args, { signal }) => {
    const topic = topicOf(args);
    if (!bucket.take(clock.nowMs())) throw procedureError('RESOURCE_EXHAUSTED', 'benchmarks of subscriptions are begun too often here; try again in some seconds');
    const subscription = pubsub.subscribe(topic, { qos: 1, signal }, () => undefined);
    return new Promise<null>((resolve) => {
      const end = (): void => {
        subscription.close();
        resolve(null);
      };
      if (signal.aborted) end();
      else onceAborted(signal, end);
    });
  }, { concurrency: maxSubscribes });
  registry.addBuiltIn(benchProcedures.sink, (_args, { input, signal }) => withTimeout(clock, longestBenchMs, 'a transfer', signal, (within) => count(input, within)), { concurrency: maxSinks });
}

/** Takes in what comes and tells how many bytes it was. */
async function count(input: AsyncIterable<unknown>, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  for await (const chunk of input) {
    signal.throwIfAborted();
    if (!(chunk instanceof Uint8Array)) throw procedureError('INVALID_ARGUMENT', 'a transfer consists of bytes');
    bytes += chunk.length;
    if (bytes > maxSinkBytes) throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a transfer has at most ${maxSinkBytes} bytes`);
  }
  return bytes;
}

function topicOf(args: unknown): string {
  const topic = typeof args === 'object' && args !== null && 'topic' in args ? args.topic : undefined;
  if (typeof topic === 'string' && benchTopic.test(topic)) return topic;
  throw procedureError('INVALID_ARGUMENT', 'topic must be macula.bench. and 32 hexadecimal digits');
}
