import { delay, withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { Operation } from '../bench/load-run.js';
import type { BenchInput } from '../control/protocol-bench.js';
import type { NodeId } from '../identity/node-id.js';
import type { CallStream } from '../rpc/call-stream.js';
import { benchProcedures } from './bench-responders.js';
import type { NodePubSub } from './node-pubsub.js';
import type { NodeRpc } from './node-rpc.js';

export interface WorkloadComponents {
  readonly rpc: Pick<NodeRpc, 'call' | 'callStream'>;
  readonly pubsub: Pick<NodePubSub, 'publish'>;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** One kind of load on one peer, ready to run. */
export interface Workload {
  readonly operation: Operation;
  /** Takes back what was set up for it at the peer. */
  close(): void;
}

/** Room for the rest of a message in the largest frame. */
const largestMessageBytes = 1_000_000;
/** What one value of a stream carries: large enough that its frame costs nothing, small enough to keep the pipe full. */
const chunkBytes = 64 * 1024;
/** How long the peer may take until it is subscribed; the first message waits for connected peers to be asked. */
const subscribeMs = 15_000;
const subscribePollMs = 50;
/** The peer ends its subscription by itself so long after the end, should we be gone. */
const graceMs = 30_000;

/** Calls of macula.echo: a payload there and back. @throws MaculaError MACULA_VALUE_TOO_LARGE */
export function rpcWorkload({ rpc, random }: WorkloadComponents, nodeId: NodeId, { sizeBytes, operationTimeoutMs }: BenchInput): Workload {
  const payload = payloadOf(random, sizeBytes);
  return {
    close: () => undefined,
    operation: async (signal) => {
      const echo = await rpc.call('macula.echo', payload, { node: nodeId, timeoutMs: operationTimeoutMs, signal });
      if (!(echo instanceof Uint8Array) || echo.length !== sizeBytes) throw new MaculaError('MACULA_REMOTE_ERROR', 'the peer did not answer with what it was sent');
      return sizeBytes;
    },
  };
}

/**
 * Messages to a topic the peer subscribes to for the time: each counts when the peer has acknowledged it.
 * @throws MaculaError MACULA_VALUE_TOO_LARGE, MACULA_NO_SUBSCRIBERS where the peer is not subscribed in time, and as a call of it fails
 */
export async function pubsubWorkload(components: WorkloadComponents, nodeId: NodeId, input: BenchInput, signal: AbortSignal): Promise<Workload> {
  const { rpc, pubsub, clock, random } = components;
  const payload = payloadOf(random, input.sizeBytes);
  const topic = `macula.bench.${Buffer.from(random.bytes(16)).toString('hex')}`;
  const end = new AbortController();
  const failed = new AbortController();
  // Ends the call, and with it the subscription, when the run is over.
  const call = rpc.call(benchProcedures.subscribe, { topic }, { node: nodeId, timeoutMs: subscribeMs + input.durationMs + input.operationTimeoutMs + graceMs, signal: end.signal });
  call.catch((error: unknown) => failed.abort(error));
  const operation: Operation = async (within) => {
    const { subscribers, delivered } = await pubsub.publish(topic, payload, { qos: 1, requireSubscribers: true, timeoutMs: input.operationTimeoutMs, signal: within });
    if (delivered < subscribers) throw new MaculaError('MACULA_PARTLY_DELIVERED', 'the peer did not acknowledge the message in time');
    return input.sizeBytes;
  };
  try {
    await withTimeout(clock, subscribeMs, 'subscribing at the peer', AbortSignal.any([signal, failed.signal]), (within) => untilSubscribed(operation, clock, within));
    return { operation, close: () => end.abort() };
  } catch (error) {
    end.abort();
    throw error;
  }
}

async function untilSubscribed(operation: Operation, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await operation(signal);
      return;
    } catch (error) {
      if (MaculaError.from(error).code !== 'MACULA_NO_SUBSCRIBERS') throw error;
      await delay(clock, subscribePollMs, signal);
    }
  }
}

/**
 * Transfers over a stream each: one counts when the peer has told that it has all of it.
 * @throws MaculaError where one would be too large
 */
export function bulkWorkload({ rpc, random }: WorkloadComponents, nodeId: NodeId, { sizeBytes, operationTimeoutMs }: BenchInput): Workload {
  const chunk = random.bytes(Math.min(sizeBytes, chunkBytes));
  return {
    close: () => undefined,
    operation: async (signal) => {
      const stream = await rpc.callStream<number>(benchProcedures.sink, null, { node: nodeId, timeoutMs: operationTimeoutMs, signal });
      try {
        await writeAll(stream, chunk, sizeBytes);
        for await (const bytes of stream) if (bytes === sizeBytes) return sizeBytes;
        throw new MaculaError('MACULA_REMOTE_ERROR', 'the peer did not get all of a transfer');
      } finally {
        stream.cancel();
      }
    },
  };
}

async function writeAll(stream: CallStream<number>, chunk: Uint8Array, sizeBytes: number): Promise<void> {
  for (let left = sizeBytes; left > 0; left -= chunk.length) {
    if (!(await stream.write(left < chunk.length ? chunk.subarray(0, left) : chunk))) break;
  }
  stream.end();
}

/** Random, so that nothing on the way makes it smaller. */
function payloadOf(random: RandomSource, sizeBytes: number): Uint8Array {
  if (sizeBytes <= largestMessageBytes) return random.bytes(sizeBytes);
  throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a message carries at most ${largestMessageBytes} bytes, not ${sizeBytes}`, { details: { maxBytes: largestMessageBytes }, hint: 'Choose a smaller --size, or --kind bulk.' });
}
