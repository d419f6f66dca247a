/** What an endpoint counts since its start. */
export class EndpointCounters {
  handshakesCompleted = 0;
  retriesSent = 0;
  datagramsReceived = 0;
  datagramsSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  relayedBytesReceived = 0;
  relayedBytesSent = 0;
  readonly handshakesFailed: Record<string, number> = {};
  readonly dropped: Record<string, number> = {};

  /** @param reason from a fixed set, never from a peer */
  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  /** @param reason as {@link drop}; undefined: it was not dropped */
  dropIf(reason: string | undefined): void {
    if (reason !== undefined) this.drop(reason);
  }

  /** @param reason from a fixed set, never from a peer */
  handshakeFailed(reason: string): void {
    this.handshakesFailed[reason] = (this.handshakesFailed[reason] ?? 0) + 1;
  }
}
