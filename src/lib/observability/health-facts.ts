/** What health is judged by; the node gathers it. Durations in milliseconds. */
export interface HealthFacts {
  readonly phase: 'starting' | 'started' | 'stopping';
  /** Why a part that cannot be restarted is down; undefined while all is well. */
  readonly failure: string | undefined;
  readonly socketBound: boolean;
  readonly storeOpen: boolean;
  /** Why the store does not take writes; undefined while it does. */
  readonly storeFailure: string | undefined;
  /** Whether a damaged store was moved aside at start. */
  readonly storeSetAside: boolean;
  readonly connectedPeers: number;
  /** Whether a peer was connected at any time since the start. */
  readonly hasJoined: boolean;
  /** Bootstrap nodes of the configuration that are not this node itself. */
  readonly bootstrapNodes: number;
  /** Peers known from earlier. */
  readonly knownPeers: number;
  readonly uptimeMs: number;
  readonly certificateDaysLeft: number;
  /** A configured peer that one side does not want, and why. */
  readonly refusedPeer: { readonly target: string; readonly code: string } | undefined;
  /** How long the node has needed a relay and had none; undefined while it needs none or has one. */
  readonly relaylessForMs: number | undefined;
  /** Whether no UDP comes back from outside. */
  readonly natBlocked: boolean;
  /** By how much the clocks of connected peers are ahead of the one here, one for each peer that told. */
  readonly peerClocksAheadMs: readonly number[];
  /** Free bytes for this process on the disk of the data directory; undefined where not known. */
  readonly diskFreeBytes: number | undefined;
  /** File descriptors of the process; undefined where not known. */
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined;
  /** Receive buffer of the UDP socket, as asked for and as granted; undefined where not known. */
  readonly receiveBuffer: { readonly wantedBytes: number; readonly grantedBytes: number } | undefined;
  /** Datagrams a second that the system dropped for want of room in the receive buffer. */
  readonly lostPerSecond: number;
  /** Datagrams a second that came and were dropped. */
  readonly unwantedPerSecond: number;
}
