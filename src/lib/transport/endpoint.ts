import type { SocketAddress } from '../base/address.js';
import type { Service } from '../base/lifecycle.js';
import type { NodeId } from '../identity/node-id.js';
import type { PeerIdentity } from '../identity/identity.js';

/** Packets go straight to a UDP address of the peer. */
export interface DirectRoute {
  readonly kind: 'direct';
  readonly address: SocketAddress;
  /** The side socket it goes through (SideSockets); undefined: the node's own. */
  readonly socket?: number | undefined;
}

/** Packets go to a relay, which passes them on to the peer. */
export interface RelayRoute {
  readonly kind: 'relay';
  /** The node in between. */
  readonly relay: NodeId;
  /** Where the relay was reached when the route was made; packets follow the connection to the relay wherever it goes. */
  readonly via: SocketAddress;
  /** The relay's session between this node and the peer: 16 hex digits. */
  readonly sessionId: string;
}

/** Where packets of a connection go. Nothing above the path layer needs to know which kind it is. */
export type Route = DirectRoute | RelayRoute;

/** One route of a connection as its path set sees it. */
export interface PathStatus {
  readonly route: Route;
  /** candidate: being probed; usable: answered an authenticated probe; failed: stopped answering. */
  readonly state: 'candidate' | 'usable' | 'failed';
  /** Whether packets are sent on it now. */
  readonly selected: boolean;
  readonly rttMs: number | undefined;
  /** Clock.nowMs() of the last authenticated packet or probe answer on it. */
  readonly lastSeenMs: number | undefined;
  /** Clock.nowMs() of the answer that made it usable; undefined where none did. */
  readonly usableSinceMs?: number | undefined;
  /** Clock.nowMs() of the last packet of the connection that came by it; undefined where none did. */
  readonly lastPacketMs?: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface ConnectionStats {
  /** quiche's smoothed round-trip time, milliseconds. */
  readonly rttMs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Of the bytes sent and received, those that went through a relay. */
  readonly relayedBytesSent: number;
  readonly relayedBytesReceived: number;
  readonly packetsLost: number;
  readonly streamBytesDelivered: number;
}

/** Why and by whom a connection ended. */
export interface ConnectionClose {
  /** local: this side closed; remote: the peer did; timeout: nothing was heard; error: transport or TLS failed. */
  readonly by: 'local' | 'remote' | 'timeout' | 'error';
  /** Application code (by local or remote) or QUIC transport error code. */
  readonly code: number;
  /** For people; peer-supplied when `by` is remote, so escape it before printing. */
  readonly reason: string;
}

/** Receives what happens on a stream. All callbacks run inside the endpoint's turn and must not throw. */
export interface StreamHandler {
  /** Bytes in order. The array is reused after the callback returns: copy what must stay. */
  onData(chunk: Uint8Array): void;
  /** The peer finished its side. */
  onEnd(): void;
  /** The peer reset its side (RESET_STREAM); nothing more will be read. */
  onReset(code: number): void;
  /** The peer does not want our bytes any more (STOP_SENDING); writes are dropped from now on. */
  onStopped(code: number): void;
  /** Buffered bytes fell below the low-water mark after write() had returned false. */
  onDrain(): void;
  /** Both sides are finished or the connection is gone; last callback. */
  onClose(): void;
}

/** A bidirectional QUIC stream. Methods on a closed stream do nothing. */
export interface TransportStream {
  /** QUIC stream id. */
  readonly id: number;
  /**
   * Queues bytes (the array belongs to the stream from now on). Returns false when more than the high-water
   * mark is buffered: wait for onDrain before writing much more.
   */
  write(data: Uint8Array): boolean;
  /** Bytes accepted by write() and not yet handed to QUIC. */
  readonly bufferedBytes: number;
  /** Finishes our side after what is queued. The other side stays open (half-close). */
  end(): void;
  /** Abandons our side (RESET_STREAM); queued bytes are dropped. @param code application code */
  reset(code: number): void;
  /** Refuses what the peer still sends (STOP_SENDING). @param code application code */
  stopSending(code: number): void;
  /** Stops reading: flow control will stop the peer. Unread bytes stay in QUIC, bounded by the stream window. */
  pause(): void;
  resume(): void;
}

/**
 * An established QUIC connection to an authenticated peer. It is not admitted yet: that is the session's
 * decision, told through {@link admit}.
 */
export interface Connection {
  readonly role: 'client' | 'server';
  readonly peer: PeerIdentity;
  /** Resolves when the connection is gone; never rejects. */
  readonly closed: Promise<ConnectionClose>;
  readonly isClosed: boolean;
  /** Bytes of UDP payload that its packets have at most; known once the handshake is done. */
  readonly payloadBytes: number;
  /**
   * Opens a bidirectional stream. @throws MaculaError MACULA_OVERLOADED when the peer's stream limit is
   * reached, MACULA_CONNECTION_CLOSED when the connection is gone
   */
  openStream(handler: StreamHandler): TransportStream;
  /**
   * Sets what happens with streams the peer opens. Streams that came before are handed over at once. Until it
   * is set, peer streams are left unread.
   */
  onStream(accept: (stream: TransportStream) => StreamHandler): void;
  /** The session admitted the peer: the budget for strangers (bytes, seconds) no longer applies. */
  admit(): void;
  /**
   * Gives the path layer the 32-byte key both ends agreed on inside the connection. From then on paths are
   * probed; a packet from a new source address triggers a probe of that address, and packets follow only after
   * its authenticated answer.
   * @param key asked for once, at the end of the turn: what the peer waits for goes first
   */
  setPathKey(key: () => Uint8Array): void;
  /** Adds a route to the path set and probes it (after setPathKey). */
  addRoute(route: Route): void;
  /**
   * Hole punching: sends one probe on each of these routes at once. Those that answer join the path set, the others are not
   * remembered (after setPathKey; at most about 160 a second).
   */
  punch(routes: readonly DirectRoute[]): void;
  /** Packets leave the direct routes there are now for the next other one that answers: these may soon be dead. */
  renewPaths(): void;
  paths(): readonly PathStatus[];
  /** The route packets take now. */
  readonly route: Route;
  /** Called on each change of the selected route. */
  onRouteChange(listener: (route: Route) => void): void;
  /** Called when the direct route in use does not answer and only a relay is left to take over, and when that is over; after onRouteChange. */
  onDoubt(listener: (inDoubt: boolean) => void): void;
  stats(): ConnectionStats;
  /** Sends CONNECTION_CLOSE with an application code; queued stream data is not waited for. Idempotent. */
  close(code: number, reason: string): void;
}

/** Counters of an endpoint, all since start unless said otherwise. */
export interface EndpointStats {
  readonly connections: number;
  readonly halfOpen: number;
  readonly handshakesCompleted: number;
  readonly handshakesFailed: Readonly<Record<string, number>>;
  readonly retriesSent: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Of these, what went through a relay to or from a peer of this node. */
  readonly relayedBytesReceived: number;
  readonly relayedBytesSent: number;
  /** Receive buffer that the system gave the node's socket; 0 where not known. */
  readonly receiveBufferBytes: number;
  /** Datagrams dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface DialOptions {
  /** The id the peer must prove; otherwise MACULA_ID_MISMATCH, before anything is sent to it. */
  expectedId?: NodeId;
  signal?: AbortSignal;
}

/** The QUIC side of a node: one UDP socket, any number of connections. */
export interface Endpoint extends Service {
  /** Bound addresses; known after start. */
  readonly localAddresses: readonly SocketAddress[];
  /**
   * Connects and authenticates. Resolves after the handshake and the certificate check; the peer has not
   * admitted us yet. Aborting the signal closes the attempt.
   * @throws MaculaError MACULA_UNREACHABLE, MACULA_ID_MISMATCH, MACULA_CERTIFICATE_INVALID,
   * MACULA_CERTIFICATE_EXPIRED, MACULA_PEER_REFUSED, MACULA_SELF_DIAL, MACULA_ABORTED
   */
  dial(route: Route, options?: DialOptions): Promise<Connection>;
  /** Sets who takes incoming connections, after handshake and certificate check. */
  onConnection(accept: (connection: Connection) => void): void;
  connections(): readonly Connection[];
  stats(): EndpointStats;
  /** Calls back when the endpoint fails as a whole (socket error); the supervisor restarts it. */
  onFailure(listener: (error: Error) => void): void;
}

/** Application codes of CONNECTION_CLOSE (docs/PROTOCOL.md). */
export const CloseCode = {
  normal: 0x00,
  protocolViolation: 0x01,
  certificateRefused: 0x02,
  admissionTimeout: 0x03,
  realmMismatch: 0x04,
  realmProofFailed: 0x05,
  versionMismatch: 0x06,
  duplicateConnection: 0x07,
  untrusted: 0x08,
  budgetExceeded: 0x09,
  overloaded: 0x0a,
  shuttingDown: 0x0b,
  idle: 0x0c,
  idMismatch: 0x0d,
  resumedSession: 0x0e,
  requested: 0x0f,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
