import { MaculaError } from '../base/errors.js';
import { readCallStreamHeader, type CallStreamOpen } from '../wire/rpc-stream.js';
import { tooLargeError } from './call-errors.js';
import type { ByteStream, ByteStreamHandler, StreamPeer } from './ports.js';
import { ServedStream, type ServedStreamParts } from './served-stream.js';

/** Serves the calls that come on streams of their own. */
export class StreamServer {
  readonly #parts: ServedStreamParts;

  constructor(parts: ServedStreamParts) {
    this.#parts = parts;
  }

  /**
   * Takes a stream. What is refused is refused before its arguments have come.
   * @throws MaculaError MACULA_PROTOCOL_VIOLATION
   */
  accept(header: unknown, stream: ByteStream, peer: StreamPeer): ByteStreamHandler {
    const open = readCallStreamHeader(header);
    const served = new ServedStream(this.#parts, open, stream, peer);
    const refusal = this.#refusal(open, peer);
    if (refusal) served.refuse(refusal);
    return served.channel;
  }

  #refusal({ procedure, argumentBytes, callId }: CallStreamOpen, { nodeId }: StreamPeer): MaculaError | undefined {
    const { maxBodyBytes, server } = this.#parts;
    if (argumentBytes > maxBodyBytes) return tooLargeError(argumentBytes, maxBodyBytes);
    // A repeated call may have its answer already, whatever else is under way.
    if (callId) return undefined;
    try {
      server.admit(procedure, nodeId);
      return undefined;
    } catch (error) {
      return MaculaError.from(error);
    }
  }
}
