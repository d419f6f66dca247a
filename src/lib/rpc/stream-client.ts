import { withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { maxRemainingMs } from '../wire/rpc-messages.js';
import { callPurpose, callStreamHeader } from '../wire/rpc-stream.js';
import type { ByteBudget } from './byte-budget.js';
import { tooLargeError } from './call-errors.js';
import { OpenedCall, type CallStream, type StreamOptions } from './call-stream.js';
import { openLocalStream } from './local-streams.js';
import type { RpcTransport } from './ports.js';
import { giveUp } from './stream-channel.js';
import type { RpcClient } from './rpc-client.js';
import type { StreamServer } from './stream-server.js';

export type StreamSettings = Pick<Settings, 'rpcTimeoutMs' | 'rpcMaxBodyBytes' | 'maxFrameBytes'>;

export interface StreamClientParts {
  readonly nodeId: NodeId;
  readonly transport: RpcTransport;
  readonly clock: Clock;
  readonly client: RpcClient;
  /** Serves the streams that this node opens to itself. */
  readonly server: StreamServer;
  readonly budget: ByteBudget;
}

/** Makes calls that stream. */
export class StreamClient {
  readonly #parts: StreamClientParts;
  readonly #settings: StreamSettings;

  constructor(parts: StreamClientParts, settings: StreamSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  /**
   * Opens a stream to a provider; resolves once it has accepted. Until then other providers are tried as for any call; from then on
   * the stream stays where it is.
   * @throws MaculaError as RpcClient.call
   */
  async open(procedure: string, args: unknown, options: StreamOptions = {}): Promise<CallStream> {
    const { client, clock } = this.#parts;
    const { timeoutMs, signal, node, idempotent } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= maxRemainingMs)) {
      throw new MaculaError('MACULA_INVALID_VALUE', `a deadline is 1 to ${maxRemainingMs} ms away, not ${timeoutMs}`, { hint: 'Correct it and try again.' });
    }
    const frame = encodeFrame(FrameType.streamArguments, FrameFlag.none, args);
    const argumentBytes = frame.length - frameHeaderBytes;
    if (argumentBytes > this.#settings.rpcMaxBodyBytes) throw tooLargeError(argumentBytes, this.#settings.rpcMaxBodyBytes);
    const deadlineMs = timeoutMs === undefined ? Infinity : clock.nowMs() + timeoutMs;
    const acceptMs = Math.min(timeoutMs ?? Infinity, this.#settings.rpcTimeoutMs);
    const common = { timeoutMs: acceptMs, ...(signal ? { signal } : {}), ...(node === undefined ? {} : { node }), ...(idempotent === undefined ? {} : { idempotent }) };
    const { opened, provider, attempts, end } = await client.open(procedure, args, common, (nodeId, patienceMs, abort) => this.#attempt({ procedure, frame, deadlineMs, signal }, nodeId, patienceMs, abort));
    const call = opened as OpenedCall;
    call.attempts = attempts;
    void call.finished.then(({ error }) => end(provider, error));
    return call;
  }

  /** One attempt at one node; resolves once it has accepted. */
  async #attempt(open: { procedure: string; frame: Uint8Array; deadlineMs: number; signal: AbortSignal | undefined }, nodeId: NodeId, patienceMs: number, given: AbortSignal | undefined): Promise<OpenedCall> {
    const { clock, budget } = this.#parts;
    const { procedure, frame, deadlineMs, signal } = open;
    const call = new OpenedCall({ clock, procedure, signal, deadlineMs, share: budget.open(nodeId), maxValueBytes: this.#settings.maxFrameBytes });
    call.provider = nodeId;
    const remainingMs = deadlineMs === Infinity ? undefined : Math.max(1, deadlineMs - clock.nowMs());
    const header = callStreamHeader({ mode: 'values', procedure, remainingMs, callId: undefined, argumentBytes: frame.length - frameHeaderBytes });
    try {
      await withTimeout(clock, patienceMs, `opening a stream to ${JSON.stringify(procedure)}`, given, async (within) => {
        const { stream, peer } = await this.#stream(nodeId, header, call, patienceMs, within);
        if (within.aborted) return giveUp(stream);
        call.channel.attach(stream, peer);
        // A copy, as the stream owns what it is given, and another attempt may follow.
        void call.channel.sendFrame(Uint8Array.prototype.slice.call(frame));
        await call.accepted;
      });
      return call;
    } catch (error) {
      call.giveUp(MaculaError.from(error));
      throw error;
    }
  }

  async #stream(nodeId: NodeId, header: unknown, { channel }: OpenedCall, timeoutMs: number, signal: AbortSignal): ReturnType<RpcTransport['openStream']> {
    const { transport, server } = this.#parts;
    if (nodeId !== this.#parts.nodeId) return transport.openStream(nodeId, callPurpose, header, channel, { timeoutMs, signal });
    return openLocalStream(nodeId, header, channel, (given, stream, peer) => server.accept(given, stream, peer));
  }
}
