/** Everything telemetry tells, by name: `<area>:<event>`. Rooms have their own events; the node translates. */
export interface TelemetryEvents {
  /** A QUIC handshake came to its end. `outcome`: `completed`, or why it failed. */
  'transport:handshake': { readonly role: 'client' | 'server'; readonly outcome: string; readonly durationMs: number };
  /** A peer was admitted. */
  'session:opened': { readonly nodeId: string; readonly direction: 'in' | 'out'; readonly path: 'direct' | 'relay' };
  /** A session ended. `code` is the application's or QUIC's. */
  'session:closed': { readonly nodeId: string; readonly by: 'local' | 'remote' | 'timeout' | 'error'; readonly code: number; readonly reason: string; readonly durationMs: number };
  /** A connection did not become a session. `code` is one of the error catalogue. */
  'session:refused': { readonly nodeId: string | undefined; readonly direction: 'in' | 'out'; readonly code: string; readonly reason: string };
  /** Packets of a live session take another route. */
  'session:path-changed': { readonly nodeId: string; readonly from: 'direct' | 'relay'; readonly to: 'direct' | 'relay' };
  'peers:connected': { readonly nodeId: string; readonly direction: 'in' | 'out' };
  'peers:disconnected': { readonly nodeId: string; readonly reason: string };
  'peers:dial-failed': { readonly target: string; readonly nodeId: string | undefined; readonly code: string; readonly message: string };
  /** The pool has a connection more. */
  'pool:opened': { readonly nodeId: string; readonly direction: 'in' | 'out' };
  'pool:closed': { readonly nodeId: string; readonly reason: 'lru' | 'idle' | 'failed' | 'ended' };
  'pool:dial-failed': { readonly nodeId: string; readonly code: string; readonly message: string };
  /** A peer is left alone after failures in a row. */
  'pool:excluded': { readonly nodeId: string; readonly forMs: number };
  /** An operation that was asked of the DHT here came to its end. */
  'dht:operation': {
    readonly operation: string;
    /** What it came to: `done`, `found`, `absent`, `stored`, `under-replicated`, `stale`, `refused`, or `failed`. */
    readonly outcome: string;
    readonly durationMs: number;
    /** Where a read found its answer. */
    readonly source: 'cache' | 'local' | 'network' | undefined;
    readonly hops: number | undefined;
    readonly queried: number | undefined;
  };
  /** A call this node made came to its end. `streamed`: it was open for as long as values came. */
  'rpc:called': { readonly procedure: string; readonly outcome: 'succeeded' | 'failed' | 'cancelled'; readonly streamed: boolean; readonly durationMs: number };
  /** A call of another node, or of this one to itself, was served or refused; `repeated`: answered as an earlier one was. */
  'rpc:served': {
    readonly procedure: string;
    readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'refused' | 'repeated';
    readonly streamed: boolean;
    /** Undefined where nothing ran. */
    readonly durationMs: number | undefined;
  };
  /** A provider of a procedure is left alone after failures in a row, or answered again. */
  'rpc:circuit': { readonly procedure: string; readonly nodeId: string; readonly to: 'opened' | 'closed' };
  'pubsub:subscriber-added': { readonly nodeId: string };
  'pubsub:subscriber-removed': { readonly nodeId: string; readonly reason: 'unsubscribed' | 'dead' | 'overflow' };
  /** Messages of another node were delivered here. `latencyMs`: since they were published, by the publisher's clock. */
  'pubsub:delivered': { readonly publisher: string; readonly topic: string; readonly messages: number; readonly latencyMs: number };
  /** It is known of every subscriber whether it acknowledged a message published here (QoS 1). */
  'pubsub:settled': { readonly topic: string; readonly subscribers: number; readonly acknowledged: number; readonly durationMs: number };
  /** Messages for a subscriber were dropped. */
  'pubsub:dropped': { readonly nodeId: string; readonly topic: string; readonly messages: number; readonly reason: string };
  /** A finding was made about the NATs between this node and others. */
  'nat:found': { readonly natType: string; readonly mapping: string; readonly filtering: string };
  /** An attempt at a direct path for a relayed connection ended. `technique`: undefined where none was chosen; `punchingMs`: since both sides began, undefined where it did not get that far. */
  'nat:punched': { readonly nodeId: string; readonly technique: string | undefined; readonly outcome: string; readonly durationMs: number; readonly punchingMs: number | undefined; readonly probes: number };
  /** A connection left its relay for a direct path. `afterMs`: since packets took the relay. */
  'nat:upgraded': { readonly nodeId: string; readonly afterMs: number };
  /** A connection fell back from a direct path to a relay. */
  'nat:fell-back': { readonly nodeId: string };
  /** A subsystem failed and is started again. */
  'node:restarted': { readonly subsystem: string; readonly error: string };
}

export type TelemetryName = keyof TelemetryEvents;

/** All names; the type says that none is missing. */
export const telemetryNames = Object.keys({
  'transport:handshake': 1,
  'session:opened': 1,
  'session:closed': 1,
  'session:refused': 1,
  'session:path-changed': 1,
  'peers:connected': 1,
  'peers:disconnected': 1,
  'peers:dial-failed': 1,
  'pool:opened': 1,
  'pool:closed': 1,
  'pool:dial-failed': 1,
  'pool:excluded': 1,
  'dht:operation': 1,
  'rpc:called': 1,
  'rpc:served': 1,
  'rpc:circuit': 1,
  'pubsub:subscriber-added': 1,
  'pubsub:subscriber-removed': 1,
  'pubsub:delivered': 1,
  'pubsub:settled': 1,
  'pubsub:dropped': 1,
  'nat:found': 1,
  'nat:punched': 1,
  'nat:upgraded': 1,
  'nat:fell-back': 1,
  'node:restarted': 1,
} satisfies Record<TelemetryName, 1>) as TelemetryName[];
