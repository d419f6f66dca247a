import { abortError, onceAborted } from '../base/abort.js';
import { MaculaError, errnoOf } from '../base/errors.js';
import { dialError } from './close-reason.js';
import { CloseCode, type Connection, type ConnectionClose, type Route } from './endpoint.js';
import type { QuicConnection } from './quic-connection.js';
import { describeRoute } from './route.js';

interface Attempt {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
}

/** Errors of a send that trying again does not mend. */
const lastingErrors = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'EACCES', 'EPERM', 'ENETDOWN']);

/** The dials under way: each ends with its connection's handshake, or with its connection. */
export class DialAttempts {
  readonly #attempts = new Map<QuicConnection, Attempt>();

  /** Resolves when the connection is established. @throws MaculaError as Endpoint.dial */
  begin(connection: QuicConnection, route: Route, signal: AbortSignal | undefined): Promise<Connection> {
    connection.onSendError = (error) => {
      if (connection.isClosed || !lastingErrors.has(errnoOf(error) ?? '')) return;
      const failure = new MaculaError('MACULA_UNREACHABLE', `${describeRoute(route)} cannot be reached: ${error.message}`, { cause: error });
      connection.drop({ by: 'error', code: 0, reason: error.message }, failure);
    };
    return new Promise((resolve, reject) => {
      const onAbort = (): void => connection.fail(CloseCode.normal, abortError(signal!));
      if (signal) onceAborted(signal, onAbort);
      const settle = (): void => {
        connection.onSendError = undefined;
        this.#attempts.delete(connection);
        signal?.removeEventListener('abort', onAbort);
      };
      this.#attempts.set(connection, {
        resolve: (value) => (settle(), resolve(value)),
        reject: (error) => (settle(), reject(error)),
      });
    });
  }

  succeeded(connection: QuicConnection): void {
    this.#attempts.get(connection)?.resolve(connection);
  }

  failed(connection: QuicConnection, close: ConnectionClose): void {
    this.#attempts.get(connection)?.reject(connection.failure ?? dialError(close, connection.route));
  }
}
