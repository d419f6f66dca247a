import { withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { StreamCode } from '../session/session-reader.js';
import { remoteError } from '../wire/error-message.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { decodeBody } from '../wire/message-pack.js';
import type { HeldReply } from '../wire/rpc-messages.js';
import { callPurpose, callStreamHeader, fetchHeader, fetchPurpose } from '../wire/rpc-stream.js';
import type { ByteBudget } from './byte-budget.js';
import { tooLargeError } from './call-errors.js';
import type { RpcTransport } from './ports.js';
import { giveUp, StreamChannel, type ChannelOwner } from './stream-channel.js';

/** Waits for the one answer on a stream. */
class Answer implements ChannelOwner {
  readonly unreadBytes = 0;
  readonly channel: StreamChannel;
  /** Resolves with the body of REPLY. */
  readonly body: Promise<unknown>;
  #settle!: { resolve: (body: unknown) => void; reject: (error: MaculaError) => void };

  constructor(maxAnswerBytes: number, share: ReturnType<ByteBudget['open']>) {
    this.body = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.body.catch(() => undefined);
    this.channel = new StreamChannel(this, { from: 'provider', mode: 'answer', maxAnswerBytes }, share);
  }

  frame(type: FrameType, payload: Uint8Array): void {
    const body = decodeBody(payload);
    if (type === FrameType.error) this.#settle.reject(remoteError(body));
    else this.#settle.resolve(body);
    this.channel.finish(false);
  }

  ended(): void {
    // The answer came before.
  }

  stopped(): void {
    // The arguments are not read to their end; the answer says why.
  }

  broken(error: MaculaError): void {
    this.#settle.reject(error.code === 'MACULA_ABORTED' ? new MaculaError('MACULA_REMOTE_ERROR', 'the provider gave up the stream') : error);
  }
}

export interface LargeCallParts {
  readonly transport: RpcTransport;
  readonly clock: Clock;
  readonly budget: ByteBudget;
}

/** A call whose arguments are too large for a message. */
export interface LargeCall {
  readonly procedure: string;
  readonly args: unknown;
  readonly callId: Uint8Array | undefined;
}

/** Carries arguments and answers that are too large for a message, each on a stream of its own. */
export class LargeCalls {
  readonly #parts: LargeCallParts;
  readonly #maxBodyBytes: number;

  constructor(parts: LargeCallParts, { maxBodyBytes }: { maxBodyBytes: number }) {
    this.#parts = parts;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Makes a call on a stream; resolves with the body of REPLY. @throws MaculaError as RpcTransport.ask, MACULA_VALUE_TOO_LARGE */
  async call(nodeId: NodeId, { procedure, args, callId }: LargeCall, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const frame = encodeFrame(FrameType.streamArguments, FrameFlag.none, args);
    const argumentBytes = frame.length - frameHeaderBytes;
    if (argumentBytes > this.#maxBodyBytes) throw tooLargeError(argumentBytes, this.#maxBodyBytes);
    const header = callStreamHeader({ mode: 'answer', procedure, remainingMs: timeoutMs, callId, argumentBytes });
    return this.#answer(nodeId, callPurpose, header, frame, timeoutMs, signal);
  }

  /** Fetches an answer; resolves with the body of REPLY. @throws MaculaError as RpcTransport.ask, MACULA_VALUE_TOO_LARGE; the procedure has run, and the details say so */
  async fetch(nodeId: NodeId, { token, bytes }: HeldReply, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      if (bytes > this.#maxBodyBytes) {
        this.#decline(nodeId, token, timeoutMs);
        throw tooLargeError(bytes, this.#maxBodyBytes);
      }
      return await this.#answer(nodeId, fetchPurpose, fetchHeader(token), undefined, timeoutMs, signal);
    } catch (cause) {
      const { code, message, hint, details } = MaculaError.from(cause);
      throw new MaculaError(code, message, { hint, details: { ...details, executed: 'yes' }, cause });
    }
  }

  /** Lets the provider forget an answer. */
  #decline(nodeId: NodeId, token: Uint8Array, timeoutMs: number): void {
    const answer = new Answer(0, this.#parts.budget.open(nodeId));
    this.#parts.transport.openStream(nodeId, fetchPurpose, fetchHeader(token), answer.channel, { timeoutMs }).then(
      ({ stream, peer }) => {
        answer.channel.attach(stream, peer);
        answer.channel.finish(true);
      },
      () => undefined,
    );
  }

  async #answer(nodeId: NodeId, purpose: string, header: unknown, frame: Uint8Array | undefined, timeoutMs: number, given: AbortSignal | undefined): Promise<unknown> {
    const { clock, transport, budget } = this.#parts;
    const answer = new Answer(this.#maxBodyBytes, budget.open(nodeId));
    try {
      return await withTimeout(clock, timeoutMs, 'the call', given, async (signal) => {
        const { stream, peer } = await transport.openStream(nodeId, purpose, header, answer.channel, { timeoutMs, signal });
        if (signal.aborted) return giveUp(stream);
        answer.channel.attach(stream, peer);
        if (frame) void answer.channel.sendFrame(frame);
        answer.channel.endOutput();
        return answer.body;
      });
    } catch (error) {
      answer.channel.abandon(StreamCode.normal);
      throw error;
    }
  }
}
