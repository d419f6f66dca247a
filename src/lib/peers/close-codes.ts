/**
 * Application codes of a closed connection that say how to go on with a peer (docs/PROTOCOL.md). This room may not
 * enter transport, where the whole list lives; a test holds the two together.
 */
export const PeerCloseCode = {
  realmMismatch: 0x04,
  duplicateConnection: 0x07,
  untrusted: 0x08,
  requested: 0x0f,
} as const;
