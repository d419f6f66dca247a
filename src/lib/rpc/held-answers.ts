import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import { StreamCode } from '../session/session-reader.js';
import { errorBody } from '../wire/error-message.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { heldBody, heldTokenBytes } from '../wire/rpc-messages.js';
import { readFetchHeader } from '../wire/rpc-stream.js';
import type { BudgetShare, ByteBudget } from './byte-budget.js';
import { giveUp } from './stream-channel.js';
import type { ByteStream, ByteStreamHandler, StreamPeer } from './ports.js';

/** How long an answer waits to be fetched: the caller asks as soon as it hears of it. */
const holdMs = 10_000;

interface Held {
  readonly frame: Uint8Array;
  readonly share: BudgetShare;
  readonly timer: { cancel(): void };
}

/** Answers too large for a message, held until those they belong to fetch them on a stream. */
export class HeldAnswers {
  readonly #parts: { readonly clock: Clock; readonly random: RandomSource; readonly budget: ByteBudget };
  readonly #maxBodyBytes: number;
  readonly #held = new Map<string, Held>();

  constructor(parts: { clock: Clock; random: RandomSource; budget: ByteBudget }, { maxBodyBytes }: { maxBodyBytes: number }) {
    this.#parts = parts;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Answers not fetched yet. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Keeps an answer for its caller; what to send in its place.
   * @throws MaculaError MACULA_VALUE_TOO_LARGE, MACULA_OVERLOADED; the procedure has run, and the details say so
   */
  hold(reply: unknown, caller: NodeId): unknown {
    const { clock, random, budget } = this.#parts;
    const frame = encodeFrame(FrameType.reply, FrameFlag.none, reply);
    const bytes = frame.length - frameHeaderBytes;
    if (bytes > this.#maxBodyBytes) throw new MaculaError('MACULA_VALUE_TOO_LARGE', `an answer of ${bytes} bytes is over the limit of ${this.#maxBodyBytes}`, { details: { bytes, limitBytes: this.#maxBodyBytes, setting: 'rpcMaxBodyBytes', executed: 'yes' } });
    const share = budget.open(caller);
    try {
      share.set(frame.length);
    } catch (cause) {
      share.set(0);
      const { code, message, details } = MaculaError.from(cause);
      throw new MaculaError(code, message, { details: { ...details, executed: 'yes' } });
    }
    const token = random.bytes(heldTokenBytes);
    const key = keyOf(caller, token);
    const timer = clock.setTimer(holdMs, () => this.#take(key)?.share.set(0));
    this.#held.set(key, { frame, share, timer });
    return heldBody(token, bytes);
  }

  /** Takes a stream that fetches an answer. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
  accept(header: unknown, stream: ByteStream, { nodeId }: StreamPeer): ByteStreamHandler {
    const held = this.#take(keyOf(nodeId, readFetchHeader(header)));
    if (held) stream.write(held.frame);
    else stream.write(encodeFrame(FrameType.error, FrameFlag.none, errorBody(new MaculaError('MACULA_NOT_FOUND', 'there is no such answer, or nobody fetched it in time'))));
    stream.end();
    const refuse = (): void => giveUp(stream);
    // The bytes count until they are out: a caller that does not read is to hold up nobody but itself.
    return { onData: refuse, onEnd: () => undefined, onReset: refuse, onStopped: () => stream.stopSending(StreamCode.normal), onDrain: () => undefined, onClose: () => held?.share.set(0) };
  }

  /** Forgets all. */
  clear(): void {
    for (const key of [...this.#held.keys()]) this.#take(key)?.share.set(0);
  }

  #take(key: string): Held | undefined {
    const held = this.#held.get(key);
    this.#held.delete(key);
    held?.timer.cancel();
    return held;
  }
}

function keyOf(caller: NodeId, token: Uint8Array): string {
  return caller + Buffer.from(token).toString('latin1');
}
