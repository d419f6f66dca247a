import type { Clock } from '../base/clock.js';
import type { Dht } from '../dht/dht.js';
import type { NatDiscovery } from '../nat/nat-discovery.js';
import type { Puncher } from '../nat/puncher.js';
import type { Telemetry } from '../observability/telemetry.js';
import type { Peers } from '../peers/peers.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { PubSub } from '../pubsub/pubsub.js';
import type { ProcedureRegistry } from '../rpc/procedure-registry.js';
import type { Rpc } from '../rpc/rpc.js';
import type { Session, SessionManager } from '../session/session.js';
import type { QuicheEndpoint } from '../transport/quiche-endpoint.js';

/** Each function passes the events of one subsystem on to telemetry; a restarted one is a new one, so nothing is taken back. */

export function observeEndpoint(telemetry: Telemetry, endpoint: QuicheEndpoint): void {
  endpoint.onHandshake((handshake) => telemetry.publish('transport:handshake', handshake));
}

export function observeSessions(telemetry: Telemetry, sessions: SessionManager, clock: Clock): void {
  const observed = new WeakSet<Session>();
  sessions.on('opened', (session) => {
    const { nodeId, direction, connection } = session;
    // A session that becomes the one in use again is no new one.
    if (observed.has(session)) return;
    observed.add(session);
    let path = connection.route.kind;
    telemetry.publish('session:opened', { nodeId, direction, path });
    connection.onRouteChange(({ kind }) => {
      telemetry.publish('session:path-changed', { nodeId, from: path, to: kind });
      path = kind;
    });
  });
  sessions.on('closed', ({ session: { nodeId, sinceMs }, close: { by, code, reason } }) =>
    telemetry.publish('session:closed', { nodeId, by, code, reason, durationMs: clock.nowMs() - sinceMs }),
  );
  sessions.on('refused', ({ nodeId, direction, code, reason }) => telemetry.publish('session:refused', { nodeId, direction, code, reason }));
}

export function observePool(telemetry: Telemetry, pool: ConnectionPool): void {
  pool.on('opened', (event) => telemetry.publish('pool:opened', event));
  pool.on('closed', (event) => telemetry.publish('pool:closed', event));
  pool.on('dialFailed', (event) => telemetry.publish('pool:dial-failed', event));
  pool.on('excluded', (event) => telemetry.publish('pool:excluded', event));
}

export function observeDht(telemetry: Telemetry, dht: Dht): void {
  dht.on('operation', (event) => telemetry.publish('dht:operation', event));
}

/** What a node serves outlives restarts of what carries calls. */
export function observeProcedures(telemetry: Telemetry, procedures: ProcedureRegistry): void {
  procedures.on('served', (call) => telemetry.publish('rpc:served', call));
}

export function observeRpc(telemetry: Telemetry, rpc: Rpc): void {
  rpc.on('called', (call) => telemetry.publish('rpc:called', call));
  rpc.on('circuitOpened', ({ procedure, nodeId }) => telemetry.publish('rpc:circuit', { procedure, nodeId, to: 'opened' }));
  rpc.on('circuitClosed', ({ procedure, nodeId }) => telemetry.publish('rpc:circuit', { procedure, nodeId, to: 'closed' }));
}

export function observePubSub(telemetry: Telemetry, pubsub: PubSub): void {
  pubsub.on('subscriberAdded', (event) => telemetry.publish('pubsub:subscriber-added', event));
  pubsub.on('subscriberRemoved', (event) => telemetry.publish('pubsub:subscriber-removed', event));
  pubsub.on('delivered', (event) => telemetry.publish('pubsub:delivered', event));
  pubsub.on('settled', (event) => telemetry.publish('pubsub:settled', event));
  pubsub.on('dropped', (event) => telemetry.publish('pubsub:dropped', event));
}

export function observeNat(telemetry: Telemetry, nat: NatDiscovery): void {
  nat.on('found', ({ finding: { natType, mapping, filtering } }) => telemetry.publish('nat:found', { natType, mapping, filtering }));
}

export function observePuncher(telemetry: Telemetry, puncher: Puncher): void {
  puncher.on('attempted', ({ nodeId, report: { technique, outcome, durationMs, punchingMs, probes } }) =>
    telemetry.publish('nat:punched', { nodeId, technique: technique?.kind, outcome, durationMs, punchingMs, probes }),
  );
  puncher.on('upgraded', (event) => telemetry.publish('nat:upgraded', event));
  puncher.on('relayed', (event) => telemetry.publish('nat:fell-back', event));
}

export function observePeers(telemetry: Telemetry, peers: Peers): void {
  peers.on('connected', (event) => telemetry.publish('peers:connected', event));
  peers.on('disconnected', (event) => telemetry.publish('peers:disconnected', event));
  peers.on('dialFailed', ({ target, nodeId, code, message }) => telemetry.publish('peers:dial-failed', { target, nodeId, code, message }));
}
