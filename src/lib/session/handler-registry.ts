import { MaculaError } from '../base/errors.js';
import { FrameType } from '../wire/frame-type.js';
import type { OversizedReplyHandler, RequestHandler, SessionManager } from './session.js';

export type NotifyHandler = Parameters<SessionManager['handleNotify']>[1];
export type StreamAcceptor = Parameters<SessionManager['handleStream']>[1];

/** Types the session itself answers or that belong to HELLO. */
const reserved: ReadonlySet<number> = new Set([
  FrameType.connect, FrameType.disconnect, FrameType.ping, FrameType.pong, FrameType.admitted, FrameType.error,
  FrameType.cancel, FrameType.streamOpen, FrameType.challenge, FrameType.proof,
]);

/** Who serves a request type. */
export interface RequestEntry {
  readonly replyType: FrameType;
  readonly handler: RequestHandler;
  readonly onOversized: OversizedReplyHandler | undefined;
}

/** Who serves what, the same for all sessions of a node. */
export class HandlerRegistry {
  readonly #requests = new Map<number, RequestEntry>();
  readonly #notifies = new Map<number, NotifyHandler>();
  readonly #streams = new Map<string, StreamAcceptor>();

  /** @throws MaculaError MACULA_UNEXPECTED when the type is taken or the session's own */
  addRequest(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized?: OversizedReplyHandler): void {
    this.#check(type, this.#requests.has(type));
    this.#requests.set(type, { replyType, handler, onOversized });
  }

  /** @throws MaculaError MACULA_UNEXPECTED when the type is taken or the session's own */
  addNotify(type: FrameType, handler: NotifyHandler): void {
    this.#check(type, this.#notifies.has(type));
    this.#notifies.set(type, handler);
  }

  /** @throws MaculaError MACULA_UNEXPECTED when the purpose is taken */
  addStream(purpose: string, accept: StreamAcceptor): void {
    if (this.#streams.has(purpose)) throw new MaculaError('MACULA_UNEXPECTED', `streams for ${purpose} have a handler already`);
    this.#streams.set(purpose, accept);
  }

  request(type: number): RequestEntry | undefined {
    return this.#requests.get(type);
  }

  notify(type: number): NotifyHandler | undefined {
    return this.#notifies.get(type);
  }

  stream(purpose: string): StreamAcceptor | undefined {
    return this.#streams.get(purpose);
  }

  #check(type: FrameType, taken: boolean): void {
    if (reserved.has(type)) throw new MaculaError('MACULA_UNEXPECTED', `messages of type ${type} belong to the session`);
    if (taken) throw new MaculaError('MACULA_UNEXPECTED', `messages of type ${type} have a handler already`);
  }
}
