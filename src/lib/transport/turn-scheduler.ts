import type { QuicConnection } from './quic-connection.js';

/**
 * Gives each active connection one reading and one sending turn per turn of the event loop, however many datagrams
 * came: a packet then carries as much as it can. Two immediates, as between them everything runs that reading has
 * woken (promises included), so that answers leave in the same turn.
 */
export class TurnScheduler {
  #toRead: QuicConnection[] = [];
  #reading: QuicConnection[] = [];
  #toSend: QuicConnection[] = [];
  #sending: QuicConnection[] = [];
  readonly #onError: (connection: QuicConnection, error: unknown) => void;
  #readScheduled = false;
  #sendScheduled = false;

  /** @param onError hears what a handler of the connection threw: a bug, but of no concern to other connections */
  constructor(onError: (connection: QuicConnection, error: unknown) => void) {
    this.#onError = onError;
  }

  activate(connection: QuicConnection, hasToRead: boolean): void {
    if (hasToRead && !connection.readQueued) {
      connection.readQueued = true;
      this.#toRead.push(connection);
      if (!this.#readScheduled) {
        this.#readScheduled = true;
        setImmediate(this.#read);
      }
    }
    if (connection.sendQueued) return;
    connection.sendQueued = true;
    this.#toSend.push(connection);
    if (this.#sendScheduled) return;
    this.#sendScheduled = true;
    setImmediate(this.#send);
  }

  /** Runs the sending turns now. */
  flush(): void {
    this.#send();
  }

  readonly #read = (): void => {
    this.#readScheduled = false;
    const batch = this.#toRead;
    this.#toRead = this.#reading;
    this.#reading = batch;
    for (const connection of batch) {
      connection.readQueued = false;
      try {
        connection.readTurn();
      } catch (error) {
        this.#onError(connection, error);
      }
    }
    batch.length = 0;
  };

  readonly #send = (): void => {
    this.#sendScheduled = false;
    const batch = this.#toSend;
    this.#toSend = this.#sending;
    this.#sending = batch;
    for (const connection of batch) {
      connection.sendQueued = false;
      try {
        connection.sendTurn();
      } catch (error) {
        this.#onError(connection, error);
      }
    }
    batch.length = 0;
  };
}
