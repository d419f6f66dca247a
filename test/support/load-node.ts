import { createHash, randomBytes } from 'node:crypto';
import { MaculaNode } from '../../src/lib/node/macula-node.js';
import type { CallStream } from '../../src/lib/rpc/call-stream.js';
import { answerCalls } from '../bench/child-calls.js';
import { holdFor } from './node-watch.js';

// A node with a program in it, in a process of its own: serves calls and a stream, and puts load on another one.

export interface LoadNodeOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly bootstrap: readonly string[];
  readonly settings?: Record<string, unknown>;
  /** Waits until the node knows its NAT, for which it takes two others; true where absent. */
  readonly untilNatKnown?: boolean;
}

export interface LoadProgress {
  readonly sent: number;
  readonly answered: number;
  /** Calls that failed or were answered wrongly, with why. */
  readonly wrong: readonly string[];
  /** Longest time between two answers since the last `mark`, milliseconds. */
  readonly longestGapMs: number;
  readonly streamBytes: number;
  readonly path: 'direct' | 'relay' | undefined;
  readonly connectedSeconds: number;
  /** Where the other side is seen. */
  readonly address: string | undefined;
  /** Bytes of streams that came from the other side. */
  readonly receivedBytes: number;
  /** Bytes that went through relays, both ways. */
  readonly relayedBytes: number;
}

/** What came from the other side. */
export interface LoadServed {
  readonly calls: number;
  /** Calls that ran more than once. */
  readonly repeated: number;
  /** Bytes of streams, and the SHA-256 of them, in hex. */
  readonly bytes: number;
  readonly hash: string;
}

/** Every ten milliseconds so many calls begin. */
const callsPerTick = 10;
const tickMs = 10;
/** As many as come together while packets find their way: nothing is refused for that. */
const callsUnderWay = 20_000;
/** Written into the stream at each tick: a megabyte a second beside the calls. */
const chunkBytes = 10_000;
/** The same in a mere transfer, which goes as fast as it can. */
const transferChunkBytes = 256 * 1024;

let node: MaculaNode;
const executions = new Map<number, number>();
const received = createHash('sha256');
let receivedBytes = 0;

const load = {
  timer: undefined as NodeJS.Timeout | undefined, sent: 0, answered: 0, wrong: [] as string[], lastAnswerMs: 0, longestGapMs: 0, streamBytes: 0,
  pending: new Set<Promise<void>>(), hash: createHash('sha256'), peer: '', finish: async (): Promise<void> => undefined,
};

async function oneCall(index: number): Promise<void> {
  try {
    const answer = await node.rpc.call<number>('load.echo', { index }, { node: load.peer, timeoutMs: 20_000 });
    if (answer !== index) load.wrong.push(`call ${index} was answered with ${answer}`);
  } catch (error) {
    load.wrong.push(`call ${index}: ${(error as Error).message}`);
  }
  const nowMs = performance.now();
  load.longestGapMs = Math.max(load.longestGapMs, nowMs - load.lastAnswerMs);
  load.lastAnswerMs = nowMs;
  load.answered += 1;
}

/** Bytes for the stream that are in no other place of it. */
function nextChunk(bytes: number): Buffer {
  const chunk = randomBytes(bytes);
  load.hash.update(chunk);
  load.streamBytes += chunk.length;
  return chunk;
}

/** Ends the stream and takes note of what the other side says it got. */
async function finishStream(stream: CallStream): Promise<void> {
  stream.end();
  for await (const bytes of stream) if (bytes !== load.streamBytes) load.wrong.push(`stream: ${String(bytes)} of ${load.streamBytes} bytes arrived`);
  const { error } = await stream.finished;
  if (error) load.wrong.push(`stream: ${error.message}`);
}

/** Sends a stream of so many bytes, and nothing else. */
async function transfer({ peer, bytes }: { peer: string; bytes: number }): Promise<void> {
  load.peer = peer;
  const stream = await node.rpc.callStream('load.sink', {}, { node: peer });
  const writing = (async () => {
    while (load.streamBytes < bytes) await stream.write(nextChunk(Math.min(transferChunkBytes, bytes - load.streamBytes)));
  })();
  load.finish = async () => {
    await writing;
    await finishStream(stream);
  };
}

async function begin(peer: string): Promise<void> {
  load.peer = peer;
  load.lastAnswerMs = performance.now();
  const stream = await node.rpc.callStream('load.sink', {}, { node: peer });
  let writing: Promise<unknown> = Promise.resolve();
  const tick = (): void => {
    for (let count = 0; count < callsPerTick; count++) {
      const call = oneCall(load.sent++).finally(() => load.pending.delete(call));
      load.pending.add(call);
    }
    // Flow control slows the stream, and never the calls.
    if (stream.bufferedBytes > 16 * chunkBytes) return;
    const chunk = nextChunk(chunkBytes);
    writing = writing.then(() => stream.write(chunk));
  };
  load.timer = setInterval(tick, tickMs);
  load.finish = async () => {
    clearInterval(load.timer);
    await writing;
    await Promise.all(load.pending);
    await finishStream(stream);
  };
}

function progress(): LoadProgress {
  const peer = node.peers.listPeers().find(({ nodeId }) => nodeId === load.peer);
  const { sent, answered, wrong, streamBytes } = load;
  const longestGapMs = Math.max(load.longestGapMs, performance.now() - load.lastAnswerMs);
  return {
    sent, answered, wrong: wrong.slice(0, 10), longestGapMs, streamBytes, path: peer?.path, connectedSeconds: peer?.connectedSeconds ?? 0, address: peer?.address, receivedBytes,
    relayedBytes: (peer?.relayedBytesSent ?? 0) + (peer?.relayedBytesReceived ?? 0),
  };
}

answerCalls({
  start: async ({ dataDir, port, bootstrap, settings, untilNatKnown = true }: LoadNodeOptions) => {
    node = new MaculaNode({ dataDir, quicPort: port, bootstrapUrl: [...bootstrap], mdns: false, metrics: false, portMapping: false, rpcMaxCallsPerPeer: callsUnderWay, maxRequestsPerPeer: callsUnderWay, ...settings });
    await node.rpc.register<{ index: number }>('load.echo', ({ index }) => {
      executions.set(index, (executions.get(index) ?? 0) + 1);
      return index;
    });
    await node.rpc.register('load.sink', async (_args, { input }) => {
      for await (const chunk of input as AsyncIterable<Uint8Array>) {
        received.update(chunk);
        receivedBytes += chunk.length;
      }
      return receivedBytes;
    });
    await node.start();
    // Behind a NAT it is reachable, and knows how to become so directly, once it has looked at it with the help of others.
    while (untilNatKnown && node.status().nat?.mapping !== 'endpoint-independent') await holdFor(50);
    return node.nodeId;
  },
  connect: async (target: string) => (await node.peers.startPeer(target)).path,
  begin,
  transfer,
  /** Whom {@link progress} is about, on a side that sends nothing. */
  watch: (peer: string) => {
    load.peer = peer;
  },
  progress,
  mark: () => {
    load.longestGapMs = 0;
  },
  /** Ends the load and waits for every answer. */
  finish: async () => {
    await load.finish();
    return { ...progress(), hash: load.hash.copy().digest('hex') };
  },
  served: (): LoadServed => ({ calls: executions.size, repeated: [...executions.values()].filter((count) => count > 1).length, bytes: receivedBytes, hash: received.copy().digest('hex') }),
});
