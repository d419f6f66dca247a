import type { SocketAddress } from '../base/address.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session } from '../session/session.js';
import type { RelayHint } from '../wire/peer-record.js';

export interface AcquireOptions {
  /** Where the caller thinks the peer is, tried before what the address book says. */
  readonly addresses?: readonly SocketAddress[];
  /** Relays the caller thinks it is reachable through. */
  readonly relays?: readonly RelayHint[];
  /** Whether others may be asked where the peer is; true where absent. The DHT must not, as that is asking it. */
  readonly mayLookUp?: boolean;
  /** Milliseconds to wait for a connection; the setting dialTimeoutMs where absent. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface PoolRequestOptions extends AcquireOptions {
  /** Milliseconds for connecting and the reply together; the setting requestTimeoutMs where absent. */
  readonly timeoutMs?: number;
  /** Whether running it twice does no harm: it is sent once more when the connection broke before the reply. */
  readonly idempotent?: boolean;
}

/** The right to use a connection; it is not evicted until released. */
export interface Lease {
  readonly session: Session;
  /** Idempotent. */
  release(): void;
}

export interface PoolEvents {
  opened: { nodeId: NodeId; direction: 'in' | 'out' };
  /** `ended`: closed by either side, the pool had no part in it. */
  closed: { nodeId: NodeId; reason: 'lru' | 'idle' | 'failed' | 'ended' };
  dialFailed: { nodeId: NodeId; code: ErrorCode; message: string };
  /** The peer is left alone after failures in a row. */
  excluded: { nodeId: NodeId; forMs: number };
}
