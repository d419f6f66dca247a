import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { CloseCode, type TransportStream } from '../transport/endpoint.js';
import { decodeCorrelated, isCorrelationId } from '../wire/correlation.js';
import { readDisconnect } from '../wire/disconnect.js';
import { tupleOf } from '../wire/fields.js';
import { encodeFrame, FrameFlag } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { decodeBody } from '../wire/message-pack.js';
import { readStreamOpen } from '../wire/stream-open.js';
import { firstFrameError, maxFirstFrameBytes, type FrameStream, type FrameStreamOwner } from './frame-stream.js';
import type { HandlerRegistry } from './handler-registry.js';
import { maxMessageStreams, type MessageStreams } from './message-streams.js';
import type { ReplyBacklog } from './reply-backlog.js';
import type { RequestClient } from './request-client.js';
import type { RequestServer } from './request-server.js';
import type { Session } from './session.js';

/** Application codes of RESET_STREAM and STOP_SENDING (docs/PROTOCOL.md). */
export const StreamCode = {
  normal: 0x00,
  /** Nobody takes streams of this purpose, or the node is shutting down. */
  refused: 0x01,
  /** The handler failed. */
  failed: 0x02,
  /** A limit on requests was reached; what the stream was for did not begin. */
  overloaded: 0x03,
} as const;

export interface SessionReaderParts {
  readonly session: Session;
  readonly logger: Logger;
  readonly registry: HandlerRegistry;
  readonly streams: MessageStreams;
  readonly client: RequestClient;
  readonly server: RequestServer;
  readonly backlog: ReplyBacklog;
  heard(): void;
  /** Called on the first frame. */
  confirmed(): void;
  disconnected(code: number, reason: string): void;
  fail(code: number, reason: string): void;
  isDraining(): boolean;
}

/** The reading half of a session: what each frame of the peer leads to. */
export class SessionReader implements FrameStreamOwner {
  readonly #parts: SessionReaderParts;
  #confirmed = false;

  constructor(parts: SessionReaderParts) {
    this.#parts = parts;
  }

  heard(): void {
    this.#parts.heard();
  }

  violation(error: MaculaError): void {
    if (!this.#parts.session.isClosed) this.#parts.fail(CloseCode.protocolViolation, error.message);
  }

  streamClosed(stream: FrameStream): void {
    this.#parts.streams.remove(stream);
  }

  drained(): void {
    const { backlog, session } = this.#parts;
    for (let request = backlog.next(); request && !session.isClosed; request = backlog.next()) this.#guard(() => this.#serve(request!.type, request!.payload));
    backlog.settle();
  }

  frame(type: number, flags: number, payload: Uint8Array, stream: FrameStream): void {
    if (this.#parts.session.connection.isClosed) return;
    if (!this.#confirmed) {
      this.#confirmed = true;
      this.#parts.confirmed();
    }
    this.#guard(() => {
      if (!stream.carriesMessages && !this.#firstFrame(type, flags, payload, stream)) return;
      if (flags === FrameFlag.request) this.#request(type, payload, stream);
      else if (flags === FrameFlag.reply) this.#reply(type, payload);
      else this.#message(type, payload);
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MaculaError && error.code === 'MACULA_PROTOCOL_VIOLATION')) throw error;
      this.violation(error);
    }
  }

  /** Tells message streams from streams of their own. Returns whether the frame is a message. */
  #firstFrame(type: number, flags: number, payload: Uint8Array, stream: FrameStream): boolean {
    if (payload.length > maxFirstFrameBytes) throw firstFrameError();
    if (type === FrameType.streamOpen && flags === FrameFlag.none) {
      this.#openStream(payload, stream);
      return false;
    }
    if (this.#parts.session.direction === 'out') throw violation('only the dialling side opens message streams');
    if (this.#parts.streams.size >= maxMessageStreams) throw violation('too many message streams');
    this.#parts.streams.add(stream);
    return true;
  }

  #openStream(payload: Uint8Array, framed: FrameStream): void {
    const { purpose, header } = readStreamOpen(decodeBody(payload));
    const accept = this.#parts.registry.stream(purpose);
    const { stream } = framed;
    if (!accept || this.#parts.isDraining()) return giveUp(stream, StreamCode.refused);
    const release = this.#parts.server.beginStream();
    if (!release) return giveUp(stream, StreamCode.overloaded);
    framed.onClosed = release;
    try {
      framed.handOver(accept(header, stream, this.#parts.session));
    } catch (error) {
      if (error instanceof MaculaError && error.code === 'MACULA_PROTOCOL_VIOLATION') throw error;
      this.#parts.logger.error('a stream handler failed', { purpose, error: textOf(error) });
      giveUp(stream, StreamCode.failed);
    }
  }

  #request(type: number, payload: Uint8Array, stream: FrameStream): void {
    if (type === FrameType.ping) {
      const { id } = decodeCorrelated(payload);
      // A peer that reads nothing gets no more to read.
      if (this.#parts.backlog.isDeferring) return;
      // On the stream it came on: a pong also says that all before the ping has been read.
      stream.stream.write(encodeFrame(FrameType.pong, FrameFlag.reply, [id, null]));
      return;
    }
    if (type === FrameType.connect || type === FrameType.proof) throw violation('HELLO after admission');
    if (this.#parts.backlog.isDeferring) return this.#parts.backlog.defer(type, payload);
    this.#serve(type, payload);
  }

  #serve(type: number, payload: Uint8Array): void {
    const { id, body } = decodeCorrelated(payload);
    this.#parts.server.serve(type, id, body);
  }

  #reply(type: number, payload: Uint8Array): void {
    const { id, body } = decodeCorrelated(payload);
    this.#parts.client.reply(type, id, body);
  }

  #message(type: number, payload: Uint8Array): void {
    const { registry, server, session, logger } = this.#parts;
    const body = decodeBody(payload);
    switch (type) {
      case FrameType.cancel: {
        const [id] = tupleOf('CANCEL', body, 1);
        if (!isCorrelationId(id)) throw violation('CANCEL without a correlation id');
        return server.cancel(id);
      }
      case FrameType.disconnect: {
        const { code, reason } = readDisconnect(body);
        return this.#parts.disconnected(code, reason);
      }
      case FrameType.streamOpen:
        throw violation('STREAM_OPEN on a message stream');
    }
    const handler = registry.notify(type);
    if (!handler || !server.withinRate()) return;
    try {
      handler(body, { session });
    } catch (error) {
      if (error instanceof MaculaError && error.code === 'MACULA_PROTOCOL_VIOLATION') throw error;
      logger.error('a message handler failed', { type, error: textOf(error) });
    }
  }
}

function giveUp(stream: TransportStream, code: number): void {
  stream.stopSending(code);
  stream.reset(code);
}

function violation(reason: string): MaculaError {
  return new MaculaError('MACULA_PROTOCOL_VIOLATION', reason);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
