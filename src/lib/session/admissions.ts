import type { Clock } from '../base/clock.js';
import type { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { CloseCode, Connection } from '../transport/endpoint.js';
import { Handshake, type HandshakeOutcome, type HandshakeSettings, type HelloIdentity } from './handshake.js';
import type { PeerSession } from './peer-session.js';

/** How long a dial that is over waits for another one with the same peer: a few round trips of HELLO. */
const contestMs = 1000;

/** Connections on their way to become sessions: in HELLO, or admitted here and not known to have admitted us. */
export class Admissions {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #settings: HandshakeSettings;
  readonly #handshakes = new Map<Handshake, NodeId>();
  readonly #unconfirmed = new Set<PeerSession>();
  readonly #onProgress = new Set<() => void>();

  constructor(components: { clock: Clock; random: RandomSource }, settings: HandshakeSettings) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#settings = settings;
  }

  /** Admitted sessions that wait for the peer's first frame. */
  get unconfirmed(): readonly PeerSession[] {
    return [...this.#unconfirmed];
  }

  /** Connections with a peer that may yet become sessions. */
  count(nodeId: NodeId): number {
    let count = 0;
    for (const peer of this.#handshakes.values()) if (peer === nodeId) count++;
    for (const session of this.#unconfirmed) if (session.nodeId === nodeId) count++;
    return count;
  }

  /** Starts HELLO on a connection. */
  begin(connection: Connection, identity: HelloIdentity, outcome: HandshakeOutcome): Handshake {
    const end = (report: () => void): void => {
      this.#handshakes.delete(handshake);
      report();
      this.#progressed();
    };
    const watched: HandshakeOutcome = { admitted: (result) => end(() => outcome.admitted(result)), refused: (error) => end(() => outcome.refused(error)) };
    const handshake = new Handshake({ clock: this.#clock, random: this.#random, connection, identity, outcome: watched }, this.#settings);
    this.#handshakes.set(handshake, connection.peer.nodeId);
    handshake.start();
    return handshake;
  }

  /** Keeps a session until the peer is known to have admitted us. */
  hold(session: PeerSession): void {
    this.#unconfirmed.add(session);
  }

  /** Lets a held session go, confirmed or closed, by way of `report`. Returns whether it was held. */
  release(session: PeerSession, report: () => void): boolean {
    if (!this.#unconfirmed.delete(session)) return false;
    report();
    this.#progressed();
    return true;
  }

  /** Resolves when no other connection with the peer is under way, so that a dial ends with the session that stays. */
  uncontested(nodeId: NodeId): Promise<void> {
    if (this.count(nodeId) === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#onProgress.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.count(nodeId) === 0) done();
      };
      const timer = this.#clock.setTimer(contestMs, done);
      this.#onProgress.add(check);
    });
  }

  /** Gives up every HELLO under way. */
  abandonAll(code: CloseCode, error: MaculaError): void {
    for (const handshake of [...this.#handshakes.keys()]) handshake.abandon(code, error);
  }

  #progressed(): void {
    for (const listener of [...this.#onProgress]) listener();
  }
}
