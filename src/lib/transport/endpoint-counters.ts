import type { HandshakeDropReason } from './handshake-limits-core.js';

/** Why a datagram is dropped; each is counted from zero on. */
export type DropReason =
  | HandshakeDropReason
  | 'error' | 'malformed' | 'probe' | 'relay' | 'short-initial' | 'stun' | 'unknown' | 'unknown-connection' | 'unknown-version' | 'unusable-address' | 'version-negotiation';

const noDrops: Readonly<Record<DropReason, number>> = {
  connections: 0, 'connections-prefix': 0, error: 0, 'half-open': 0, 'half-open-host': 0, 'half-open-network': 0, malformed: 0, probe: 0, relay: 0, retries: 0,
  'short-initial': 0, stun: 0, unknown: 0, 'unknown-connection': 0, 'unknown-version': 0, 'unusable-address': 0, 'version-negotiation': 0,
};

/** How a handshake ended: `completed`, or why it failed. */
export interface HandshakeReport {
  readonly role: 'client' | 'server';
  readonly outcome: string;
  readonly durationMs: number;
}

/** What an endpoint counts since its start. */
export class EndpointCounters {
  #onHandshake: ((handshake: HandshakeReport) => void) | undefined;
  handshakesCompleted = 0;
  retriesSent = 0;
  datagramsReceived = 0;
  datagramsSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  relayedBytesReceived = 0;
  relayedBytesSent = 0;
  /** Those that are met in a mesh that works; other reasons join when they come up. */
  readonly handshakesFailed: Record<string, number> = { timeout: 0, remote: 0, local: 0, error: 0 };
  readonly dropped: Record<string, number> = { ...noDrops };

  /** @param reason from a fixed set, never from a peer */
  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  /** @param reason as {@link drop}; undefined: it was not dropped */
  dropIf(reason: string | undefined): void {
    if (reason !== undefined) this.drop(reason);
  }

  /** @param outcome `completed`, or why it failed: from a fixed set, never from a peer */
  handshakeEnded(role: 'client' | 'server', outcome: string, durationMs: number): void {
    if (outcome === 'completed') this.handshakesCompleted += 1;
    else this.handshakesFailed[outcome] = (this.handshakesFailed[outcome] ?? 0) + 1;
    this.#onHandshake?.({ role, outcome, durationMs });
  }

  onHandshake(listener: (handshake: HandshakeReport) => void): void {
    this.#onHandshake = listener;
  }
}
