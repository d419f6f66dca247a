/** Message types of Macula frames (docs/PROTOCOL.md). Ids up to 0x44 keep their meaning from Macula v0.8. */
export const FrameType = {
  connect: 0x01,
  disconnect: 0x02,
  ping: 0x03,
  pong: 0x04,
  publish: 0x10,
  subscribe: 0x11,
  unsubscribe: 0x12,
  /** Asks a subscriber to pass bundles on to others. */
  pubsubRoute: 0x13,
  /** Answer to PUBLISH. */
  publishAck: 0x14,
  /** Answer to SUBSCRIBE and UNSUBSCRIBE. */
  pubsubDone: 0x15,
  /** The sender publishes to a topic. */
  pubsubAnnounce: 0x16,
  /** Answer to PUBSUB_ANNOUNCE. */
  pubsubInterest: 0x17,
  replay: 0x18,
  replayReply: 0x19,
  /** Answer to PUBSUB_ROUTE. */
  pubsubRouted: 0x1a,
  /** Bundles of another publisher, passed on. */
  pubsubForward: 0x1b,
  call: 0x20,
  reply: 0x21,
  cast: 0x22,
  rpcRoute: 0x23,
  /** On a stream of a call: its arguments, accepted, one value either way, the end of the results. */
  streamArguments: 0x24,
  streamAccepted: 0x25,
  streamValue: 0x26,
  streamEnd: 0x27,
  swimPing: 0x30,
  swimAck: 0x31,
  swimPingReq: 0x32,
  findNode: 0x40,
  findNodeReply: 0x41,
  store: 0x42,
  findValue: 0x43,
  findValueReply: 0x44,
  storeReply: 0x45,
  /** Answer to CONNECT or PROOF: the peer is admitted. */
  admitted: 0x50,
  /** Error answer to any request. */
  error: 0x51,
  /** Cancels a request by its correlation id. */
  cancel: 0x52,
  /** First frame of a stream of its own: says what it carries. */
  streamOpen: 0x53,
  peerExchange: 0x54,
  peerExchangeReply: 0x55,
  /** Answer to CONNECT in a closed realm: prove that you hold the secret. */
  challenge: 0x56,
  /** Answer to CHALLENGE: the dialling side's realm proof. */
  proof: 0x57,
  /** Asks for a STUN response from elsewhere, to see what the NAT lets in. */
  natProbe: 0x60,
  natProbeReply: 0x61,
  /** Asks to send such a response for another node. */
  natProbeVia: 0x62,
  /** Asks a relay where it sees the other end of a session. */
  relayPeer: 0x63,
  /** Asks to be reachable through the receiver. */
  relayReserve: 0x64,
  relayReserveReply: 0x65,
  /** Asks a relay for a session with a node that holds a reservation. */
  relayOpen: 0x66,
  relayOpenReply: 0x67,
  /** Tells the node with the reservation of such a session. */
  relayIncoming: 0x68,
  /** A relay's session is over. */
  relayClose: 0x69,
  /** Hole punching over a relayed connection: candidates of the side that begins, those of the other, go, no use. */
  punchOffer: 0x6a,
  punchAnswer: 0x6b,
  punchStart: 0x6c,
  punchEnd: 0x6d,
  relayPeerReply: 0x6e,
  /** Through which relays the sender is reachable. */
  relayedBy: 0x6f,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];
