import { addressScope, parseAddress, type SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { RelayPorts } from '../nat/ports.js';
import { PeerRelays } from '../nat/peer-relays.js';
import { RelayClient } from '../nat/relay-client.js';
import { RelayDialler } from '../nat/relay-dialler.js';
import { RelayEnds } from '../nat/relay-ends.js';
import { RelayKeeper } from '../nat/relay-keeper.js';
import { RelayServer } from '../nat/relay-server.js';
import type { Session } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import type { RelayHint } from '../wire/peer-record.js';
import type { NodeParts } from './node-parts.js';
import { PeerReach } from './peer-reach.js';
import { isReachable } from './reachability.js';
import type { ChildSpec } from './supervisor.js';
import type { TreeComponents } from './tree-components.js';

/** What a node that relays names among its capabilities. */
export const relayCapability = 'relay';

/** Nodes of the routing table that are looked at as relays. */
const maxDhtCandidates = 16;

/** Relaying for others, and the sessions of relays this node is an end of. */
export function relayChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'relay',
    start: async () => {
      const sessions = parts.running('sessions');
      const ports = { nodeId: parts.running('identity').nodeId, sessions, transport: parts.running('endpoint'), keep: keeping(parts), clock, random, logger };
      const server = new RelayServer(ports, settings);
      const isReserved = (nodeId: string): boolean => parts.relayClient?.isReserved(nodeId) ?? false;
      const ends = new RelayEnds({ ...ports, isReserved, closedByPeer: (nodeId, sessionId) => server.closedBy(nodeId, sessionId) });
      const peerRelays = new PeerRelays({ sessions });
      await server.start();
      await ends.start();
      await peerRelays.start();
      parts.peerRelays = peerRelays;
      parts.relayServer = server;
      parts.relayEnds = ends;
      parts.relayDialler = new RelayDialler({ nodeId: ports.nodeId, ends, sessions, connect: (nodeId, addresses, signal) => connectDirectly(parts, nodeId, addresses, signal) });
      return async () => {
        parts.relayDialler = undefined;
        parts.relayEnds = undefined;
        parts.relayServer = undefined;
        parts.peerRelays = undefined;
        await peerRelays.stop();
        await ends.stop();
        await server.stop();
      };
    },
  };
}

/** Keeping this node reachable through relays, and telling the mesh of them. */
export function relayClientChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'relay client',
    start: async () => {
      const client = new RelayClient(
        {
          nodeId: parts.running('identity').nodeId,
          sessions: parts.running('sessions'),
          transport: parts.running('endpoint'),
          clock,
          random,
          logger,
          isReachable: () => isReachable(parts),
          candidates: () => relayCandidates(parts),
          connect: (nodeId, addresses, signal) => connectDirectly(parts, nodeId, addresses, signal),
          keep: keeping(parts),
        },
        settings,
      );
      client.on('changed', (relays) => parts.peerRelays?.tell(relays));
      const reach = new PeerReach({ parts, clock });
      const keeper = new RelayKeeper({
        sessions: parts.running('sessions'),
        ends: parts.running('relayEnds'),
        dialler: parts.running('relayDialler'),
        relaysOf: async (nodeId, fresh, signal) => {
          const told = fresh ? undefined : parts.peerRelays?.of(nodeId);
          return told ?? (await reach.recordOf(nodeId, { fresh, signal }))?.relays ?? [];
        },
        clock,
        logger,
      });
      parts.relayClient = client;
      await client.start();
      await keeper.start();
      return async () => {
        parts.relayClient = undefined;
        await keeper.stop();
        await client.stop();
      };
    },
  };
}

function keeping(parts: NodeParts): RelayPorts['keep'] {
  return (owner, nodeIds) => parts.pool?.keep(owner, nodeIds);
}

/** A session with a relay; never through another one, and never by asking the DHT where it is. */
async function connectDirectly(parts: NodeParts, nodeId: string, addresses: readonly SocketAddress[], signal: AbortSignal): Promise<Session> {
  const { session, release } = await parts.running('pool').acquire(nodeId, { addresses, mayLookUp: false, signal });
  release();
  if (session.connection.route.kind !== 'direct') throw new MaculaError('MACULA_UNREACHABLE', 'the relay is itself reached through a relay', { details: { nodeId } });
  return session;
}

/**
 * Nodes that may serve as relays, best first: peers of the configuration, other peers this node dialled, public nodes of
 * the routing table. Where any has a public address, others are left out: nobody outside could use them.
 */
export function relayCandidates(parts: NodeParts): RelayHint[] {
  const found = new Map<string, RelayHint>();
  const add = (nodeId: string, addresses: readonly SocketAddress[]): void => {
    if (!found.has(nodeId) && addresses.length > 0) found.set(nodeId, { nodeId, addresses });
  };
  const configured = new Set(parts.peers?.listPeers().flatMap(({ nodeId, origin }) => (origin === 'configured' ? (nodeId ?? []) : [])));
  const sessions = [...(parts.sessions?.list() ?? [])].sort((a, b) => Number(configured.has(b.nodeId)) - Number(configured.has(a.nodeId)));
  for (const session of sessions) {
    const address = directAddress(session);
    if (address && session.direction === 'out' && session.hello.capabilities.includes(relayCapability)) add(session.nodeId, [address]);
  }
  for (const { nodeId, addresses, reachability } of (parts.dht?.nodes() ?? []).slice(0, maxDhtCandidates)) {
    if (reachability === 'public') add(nodeId, addresses.flatMap((text) => parseAddress(text) ?? []));
  }
  const all = [...found.values()];
  const isPublic = ({ addresses }: RelayHint): boolean => addresses.some(({ host }) => addressScope(host) === 'public');
  return all.some(isPublic) ? all.filter(isPublic) : all;
}
