import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { errorBody } from '../wire/error-message.js';
import { FrameType } from '../wire/frame-type.js';
import { decodeBody } from '../wire/message-pack.js';
import { resultBody } from '../wire/rpc-messages.js';
import type { CallStreamOpen } from '../wire/rpc-stream.js';
import type { ByteBudget } from './byte-budget.js';
import { CallRun } from './call-run.js';
import { failureReply } from './failure-reply.js';
import type { ByteStream, StreamPeer } from './ports.js';
import type { Procedure } from './procedure.js';
import type { RpcServer } from './rpc-server.js';
import { StreamChannel, type ChannelOwner } from './stream-channel.js';
import { isValueStream, pumpValues } from './stream-results.js';
import { ValueQueue } from './value-queue.js';

export interface ServedStreamParts {
  readonly server: RpcServer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly budget: ByteBudget;
  /** Largest value on a stream. */
  readonly maxValueBytes: number;
  /** Largest answer. */
  readonly maxBodyBytes: number;
}

/** A call that came on a stream of its own, from its arguments to the end of its results. */
export class ServedStream implements ChannelOwner {
  readonly channel: StreamChannel;
  readonly #parts: ServedStreamParts;
  readonly #open: CallStreamOpen;
  readonly #peer: StreamPeer;
  readonly #cancel = new AbortController();
  readonly #input: ValueQueue;

  constructor(parts: ServedStreamParts, open: CallStreamOpen, stream: ByteStream, peer: StreamPeer) {
    this.#parts = parts;
    this.#open = open;
    this.#peer = peer;
    const { mode, argumentBytes } = open;
    this.channel = new StreamChannel(this, { from: 'caller', mode, argumentBytes, maxValueBytes: parts.maxValueBytes }, parts.budget.open(peer.nodeId));
    this.channel.attach(stream, peer);
    this.#input = new ValueQueue({ taken: () => this.channel.account(), left: () => this.channel.account() });
  }

  get unreadBytes(): number {
    return this.#input.bytes;
  }

  /** Says that nothing ran, and why. */
  refuse(error: MaculaError): void {
    this.channel.send(FrameType.error, errorBody(error));
    this.channel.finish(true);
  }

  frame(type: FrameType, payload: Uint8Array): void {
    const value = decodeBody(payload);
    if (type === FrameType.streamValue) return this.#input.push(value, payload.length);
    // Frames that follow in the same chunk come first, as the handler may look at its input at once.
    queueMicrotask(() => void this.#begin(value));
  }

  ended(): void {
    this.#input.end();
  }

  stopped(): void {
    this.broken(new MaculaError('MACULA_ABORTED', 'the caller cancelled the call'));
    this.channel.abandon();
  }

  broken(error: MaculaError): void {
    // Said as far as it still can be said: only this one does not come from the caller or the network.
    if (error.code === 'MACULA_OVERLOADED') this.refuse(error);
    this.#input.fail(error);
    this.#cancel.abort(error);
  }

  async #begin(args: unknown): Promise<void> {
    if (this.channel.isClosed) return;
    try {
      if (this.#open.mode === 'answer') await this.#answer(args);
      else await this.#stream(args);
    } catch (error) {
      this.refuse(MaculaError.from(error));
    }
  }

  async #answer(args: unknown): Promise<void> {
    const { server, maxBodyBytes } = this.#parts;
    const { procedure, remainingMs, callId } = this.#open;
    const reply = await server.serveCall({ procedure, args, remainingMs: remainingMs!, callId }, this.#peer.nodeId, this.#cancel);
    try {
      this.channel.send(FrameType.reply, reply, maxBodyBytes);
    } catch (error) {
      throw afterRunning(MaculaError.from(error));
    }
    this.channel.finish(true);
  }

  async #stream(args: unknown): Promise<void> {
    const { server, clock } = this.#parts;
    const procedure = server.admit(this.#open.procedure, this.#peer.nodeId);
    const startMs = clock.nowMs();
    const deadlineMs = startMs + (this.#open.remainingMs ?? Infinity);
    const run = new CallRun(server.deadlines, this.#cancel, { procedure: procedure.name, caller: this.#peer.nodeId, deadlineMs }, this.#input);
    procedure.stats.begin();
    this.channel.send(FrameType.streamAccepted, null);
    let outcome: 'succeeded' | 'failed' = 'failed';
    try {
      await this.#values(procedure, args, run);
      outcome = 'succeeded';
      if (!run.cancelled) this.channel.send(FrameType.streamEnd, resultBody(null));
    } catch (error) {
      if (!run.cancelled) this.channel.send(FrameType.streamEnd, failureReply(this.#parts.logger, run, error));
    } finally {
      run.end();
      procedure.stats.end(run.cancelled ? 'cancelled' : outcome, clock.nowMs() - startMs, true);
    }
    if (run.cancelled) this.channel.send(FrameType.error, errorBody(run.cancelled));
    this.channel.finish(true);
    this.#input.end();
  }

  async #values(procedure: Procedure, args: unknown, run: CallRun): Promise<void> {
    const { signal } = run;
    const onAbort = (): void => {
      // A deadline passes here as well: whoever waits for input or room is not to wait for ever.
      this.#input.fail(run.cancelled);
    };
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    const result = await procedure.handler(args, run);
    const send = (value: unknown): Promise<void> | undefined => this.channel.send(FrameType.streamValue, value, this.#parts.maxValueBytes);
    if (!isValueStream(result)) return void send(result);
    await pumpValues(result, (value) => orAborted(send(value), signal), signal);
  }
}

/** The procedure ran, and what it returned cannot be sent. */
function afterRunning({ code, message, details }: MaculaError): MaculaError {
  return new MaculaError(code, message, { details: { ...details, executed: 'yes' } });
}

/** Waits for room, at most until the call is cancelled. */
function orAborted(room: Promise<void> | undefined, signal: AbortSignal): Promise<void> | undefined {
  if (!room) return undefined;
  return new Promise((resolve) => {
    const settle = (): void => {
      signal.removeEventListener('abort', settle);
      resolve();
    };
    signal.addEventListener('abort', settle, { once: true });
    void room.then(settle);
  });
}
