import { withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { OversizedMessage } from '../session/request-client.js';
import type { RequestEnd } from '../session/session.js';
import { FrameType } from '../wire/frame-type.js';
import { decodeBody, encodeBody } from '../wire/message-pack.js';
import { callBody, readReply, type HeldReply, type ReplyMessage } from '../wire/rpc-messages.js';
import { failureOf, tooLargeError, tooManyCallsError } from './call-errors.js';
import type { PendingCall } from './call-options.js';
import type { LargeCalls } from './large-calls.js';
import type { PeerCalls } from './peer-calls.js';
import type { RpcTransport } from './ports.js';
import type { RpcServer } from './rpc-server.js';

export type AttemptSettings = Pick<Settings, 'rpcMaxCallsPerPeer' | 'rpcMaxBodyBytes'>;

export interface AttemptParts {
  readonly nodeId: NodeId;
  readonly transport: RpcTransport;
  readonly clock: Clock;
  /** Carries what is too large for a message. */
  readonly large: LargeCalls;
  /** Serves the calls that this node makes to itself. */
  readonly server: RpcServer;
  readonly perPeer: PeerCalls;
}

/** Makes attempts of calls, each at one node. */
export class CallAttempts {
  readonly #parts: AttemptParts;
  readonly #settings: AttemptSettings;

  constructor(parts: AttemptParts, settings: AttemptSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  /** Makes one attempt. @param end is told the procedure's result, or why there is none; perhaps before this returns */
  begin(call: PendingCall, nodeId: NodeId, timeoutMs: number, signal: AbortSignal | undefined, end: RequestEnd): void {
    const { perPeer } = this.#parts;
    const { rpcMaxCallsPerPeer } = this.#settings;
    if (perPeer.underWay(nodeId) >= rpcMaxCallsPerPeer) return end.reject(tooManyCallsError('rpcMaxCallsPerPeer', rpcMaxCallsPerPeer));
    perPeer.begin(nodeId);
    new CallAttempt(this.#parts, this.#settings, { call, nodeId, signal }, end).send(timeoutMs);
  }
}

/** An attempt under way: hears the reply itself, so that one of the usual kind costs no promise. */
class CallAttempt implements RequestEnd {
  readonly #parts: AttemptParts;
  readonly #settings: AttemptSettings;
  readonly #call: PendingCall;
  readonly #nodeId: NodeId;
  readonly #signal: AbortSignal | undefined;
  readonly #end: RequestEnd;
  #timeoutMs = 0;

  constructor(parts: AttemptParts, settings: AttemptSettings, { call, nodeId, signal }: { call: PendingCall; nodeId: NodeId; signal: AbortSignal | undefined }, end: RequestEnd) {
    this.#parts = parts;
    this.#settings = settings;
    this.#call = call;
    this.#nodeId = nodeId;
    this.#signal = signal;
    this.#end = end;
  }

  send(timeoutMs: number): void {
    const { procedure, args, callId, attempt } = this.#call;
    this.#timeoutMs = timeoutMs;
    if (attempt) this.#settle(attempt(this.#nodeId, timeoutMs, this.#signal), (opened) => this.#succeeded(opened));
    else if (this.#nodeId === this.#parts.nodeId) this.#settle(this.#locally(), (reply) => this.resolve(reply));
    else this.#parts.transport.ask(this.#nodeId, FrameType.call, callBody(procedure, args, timeoutMs, callId), { timeoutMs, signal: this.#signal }, this);
  }

  /** The body of REPLY came. */
  resolve(reply: unknown): void {
    let message: ReplyMessage;
    try {
      message = readReply(reply);
    } catch (cause) {
      return this.#failed(MaculaError.from(cause));
    }
    if (message.ok === true) this.#succeeded(message.result);
    else if (message.ok === 'held') this.#settle(this.#fetch(message), (result) => this.#succeeded(result));
    else this.#failed(failureOf(message));
  }

  reject(error: MaculaError): void {
    if (!(error instanceof OversizedMessage)) return this.#failed(error);
    this.#settle(this.#parts.large.call(this.#nodeId, this.#call, this.#timeoutMs, this.#signal), (reply) => this.resolve(reply));
  }

  #settle(promise: Promise<unknown>, then: (value: unknown) => void): void {
    promise.then(then, (cause: unknown) => this.#failed(MaculaError.from(cause)));
  }

  #succeeded(result: unknown): void {
    this.#parts.perPeer.end(this.#nodeId);
    this.#end.resolve(result);
  }

  #failed(error: MaculaError): void {
    this.#parts.perPeer.end(this.#nodeId);
    this.#end.reject(error);
  }

  /** An answer that is too large for a message. */
  async #fetch(held: HeldReply): Promise<unknown> {
    const { large, clock } = this.#parts;
    const message = readReply(await large.fetch(this.#nodeId, held, this.#call.deadlineMs - clock.nowMs(), this.#signal));
    if (message.ok === 'held') throw new MaculaError('MACULA_REMOTE_ERROR', 'the provider sent an answer that is elsewhere again');
    if (!message.ok) throw failureOf(message);
    return message.result;
  }

  /** A call of this node to itself; values go through the encoding, so that they arrive as they would anywhere else. */
  async #locally(): Promise<unknown> {
    const { clock, nodeId, server } = this.#parts;
    const { procedure, args, callId } = this.#call;
    const call = { procedure, args: this.#travel(args), remainingMs: this.#timeoutMs, callId };
    return withTimeout(clock, this.#timeoutMs, 'the procedure', this.#signal, async (signal) => {
      const reply = await server.serveCall(call, nodeId, { signal });
      return ranWhatever(() => this.#travel(reply));
    });
  }

  #travel(value: unknown): unknown {
    const { rpcMaxBodyBytes } = this.#settings;
    const bytes = encodeBody(value);
    if (bytes.length > rpcMaxBodyBytes) throw tooLargeError(bytes.length, rpcMaxBodyBytes);
    return decodeBody(bytes);
  }
}

/** What fails after the procedure has run says so. */
function ranWhatever<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const { code, message, hint, details } = MaculaError.from(cause);
    throw new MaculaError(code, message, { hint, details: { ...details, executed: 'yes' }, cause });
  }
}
