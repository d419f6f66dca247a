import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { ControlHandlers } from '../control/ports.js';
import { ControlServer } from '../control/server.js';
import { verifyPeerChain } from '../identity/certificate-rules.js';
import { Pins } from '../identity/pins.js';
import { Dht } from '../dht/dht.js';
import type { RememberedContact } from '../dht/ports.js';
import { createSigner, rememberVerified, verifySignature } from '../identity/signing.js';
import type { HealthReport } from '../observability/health-rules.js';
import { HttpListener } from '../observability/http-listener.js';
import type { Metrics } from '../observability/metrics.js';
import { raceAddresses } from '../peers/dial-race.js';
import { LocalAddresses } from '../peers/local-addresses.js';
import { MdnsDiscovery } from '../peers/mdns.js';
import { PeerBook } from '../peers/peer-book.js';
import { Peers } from '../peers/peers.js';
import { systemResolver } from '../peers/system-resolver.js';
import { ConnectionPool } from '../pool/connection-pool.js';
import { realmId } from '../session/realm-proof.js';
import { MeshSessionManager } from '../session/session-manager.js';
import { openStore } from '../store/store.js';
import { QuicheEndpoint } from '../transport/quiche-endpoint.js';
import { PooledDhtTransport } from './dht-transport.js';
import { keptPeers } from './kept-peers.js';
import type { NodeParts } from './node-parts.js';
import { Supervisor, type ChildSpec } from './supervisor.js';
import type { SupervisorPolicy } from './supervisor-core.js';
import { version } from './version.js';

export interface TreeComponents {
  /** Filled by the tree as its children start, emptied as they stop. */
  readonly parts: NodeParts;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly handlers: ControlHandlers;
  readonly metrics: Metrics;
  readonly health: () => HealthReport;
  /** Called when a peer came, went or could not be reached. */
  readonly onPeersChanged: () => void;
}

/** A subsystem that fails again and again within a minute is not helped by starting it again. */
const policy: Omit<SupervisorPolicy, 'strategy'> = { maxRestarts: 10, withinMs: 60_000, backoffMinMs: 100, backoffMaxMs: 10_000 };
/** The root restarts a whole branch, after the branch has tried for itself. */
const rootPolicy: SupervisorPolicy = { ...policy, strategy: 'one_for_one', maxRestarts: 2 };

/** Signatures remembered as good, about 100 bytes each: as many records as a busy node meets within minutes. */
const verifiedSignatures = 10_000;

/** Builds the supervision tree of a node (docs/SUPERVISION.md); nothing is started yet. */
export function buildTree(components: TreeComponents, settings: Settings): Supervisor {
  const mesh = [storeChild, endpointChild, sessionsChild, poolChild, dhtChild, peersChild, ...(settings.mdns ? [discoveryChild] : [])];
  const surface = [controlChild, ...(settings.metrics ? [listenerChild] : [])];
  const specs = (children: typeof mesh): ChildSpec[] => children.map((child) => child(components, settings));
  return new Supervisor(components, rootPolicy, [
    branch('mesh', components, { ...policy, strategy: 'rest_for_one' }, specs(mesh)),
    branch('surface', components, { ...policy, strategy: 'one_for_one' }, specs(surface)),
  ]);
}

/** A supervisor as a child of another. */
function branch(id: string, components: TreeComponents, branchPolicy: SupervisorPolicy, children: readonly ChildSpec[]): ChildSpec {
  return {
    id,
    start: async (fail) => {
      const supervisor = new Supervisor(components, branchPolicy, children);
      supervisor.onFailure(fail);
      await supervisor.start();
      return () => supervisor.stop();
    },
  };
}

function storeChild({ parts, clock, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'store',
    start: async () => {
      const store = await openStore(join(settings.dataDir, 'store'), { logger, clock });
      parts.store = store;
      parts.pins = new Pins({ store: store.collection('pins'), clock });
      return async () => {
        parts.store = undefined;
        parts.pins = undefined;
        await store.close();
      };
    },
  };
}

function endpointChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'endpoint',
    start: async (fail) => {
      const verifyPeer = (chain: readonly Uint8Array[]) => verifyPeerChain(chain, clock.wallMs());
      const endpoint = new QuicheEndpoint({ identity: parts.running('identity'), verifyPeer, clock, random, logger }, settings);
      endpoint.onFailure(fail);
      const localAddresses = new LocalAddresses({ interfaces: networkInterfaces, bound: () => endpoint.localAddresses }, settings);
      await endpoint.start();
      parts.endpoint = endpoint;
      parts.localAddresses = localAddresses;
      return async () => {
        parts.endpoint = undefined;
        parts.localAddresses = undefined;
        await endpoint.stop();
      };
    },
  };
}

function sessionsChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'sessions',
    start: async () => {
      const localAddresses = parts.running('localAddresses');
      const sessions = new MeshSessionManager(
        {
          endpoint: parts.running('endpoint'),
          nodeId: parts.running('identity').nodeId,
          agent: `macula/${version}`,
          capabilities: [],
          listenAddresses: () => localAddresses.list(),
          isDenied: (nodeId) => parts.pins?.isDenied(nodeId) ?? false,
          clock,
          random,
          logger,
        },
        settings,
      );
      sessions.on('refused', ({ code }) => parts.refusals.count(code));
      await sessions.start();
      parts.sessions = sessions;
      return async () => {
        await sessions.stop();
        parts.sessions = undefined;
      };
    },
  };
}

function poolChild({ parts, clock, random }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'pool',
    start: async () => {
      const sessions = parts.running('sessions');
      const pool = new ConnectionPool(
        {
          nodeId: parts.running('identity').nodeId,
          sessions,
          dialler: {
            dial: (nodeId, addresses, signal) =>
              raceAddresses(clock, addresses, signal, (address, lost) => sessions.dial({ kind: 'direct', address }, { expectedId: nodeId, signal: lost })),
          },
          addressBook: { resolve: async (nodeId) => parts.peerBook?.addresses(nodeId) ?? [] },
          clock,
          random,
        },
        settings,
      );
      await pool.start();
      parts.pool = pool;
      return async () => {
        parts.pool = undefined;
        await pool.stop();
      };
    },
  };
}

function dhtChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'dht',
    start: async () => {
      const identity = parts.running('identity');
      const store = parts.running('store');
      const dht = new Dht(
        {
          nodeId: identity.nodeId,
          realmId: realmId(settings.realm),
          signer: createSigner(identity),
          verify: rememberVerified(verifySignature, verifiedSignatures),
          transport: new PooledDhtTransport({ pool: parts.running('pool'), sessions: parts.running('sessions') }),
          records: store.collection<unknown>('dht-records'),
          contacts: store.collection<readonly RememberedContact[]>('dht-contacts'),
          clock,
          random,
          logger,
        },
        settings,
      );
      await dht.start();
      parts.dht = dht;
      return async () => {
        parts.dht = undefined;
        await dht.stop();
      };
    },
  };
}

function peersChild({ parts, clock, random, logger, onPeersChanged }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'peers',
    start: async () => {
      const book = new PeerBook({ store: parts.running('store').collection('peers'), clock, logger }, settings);
      const peers = new Peers(
        {
          nodeId: parts.running('identity').nodeId,
          sessions: parts.running('sessions'),
          book,
          pins: parts.running('pins'),
          resolver: systemResolver,
          localAddresses: parts.running('localAddresses'),
          clock,
          random,
          logger,
        },
        settings,
      );
      const keep = (): void => parts.pool?.keep('peers', keptPeers(peers.listPeers(), settings.maxPeers));
      for (const name of ['connected', 'disconnected'] as const) peers.on(name, keep);
      for (const name of ['connected', 'disconnected', 'dialFailed', 'forgotten'] as const) peers.on(name, onPeersChanged);
      parts.peerBook = book;
      await peers.start();
      parts.peers = peers;
      return async () => {
        parts.peers = undefined;
        parts.peerBook = undefined;
        await peers.stop();
      };
    },
  };
}

function discoveryChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'discovery',
    start: async () => {
      const peers = parts.running('peers');
      const discovery = new MdnsDiscovery(
        {
          nodeId: parts.running('identity').nodeId,
          localAddresses: parts.running('localAddresses'),
          onFound: (nodeId, addresses) => peers.learn(nodeId, addresses, 'mdns'),
          clock,
          random,
          logger,
        },
        settings,
      );
      await discovery.start();
      return () => discovery.stop();
    },
  };
}

function controlChild({ handlers, clock, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'control',
    start: async () => {
      const server = new ControlServer({ handlers, clock, logger }, { socketPath: settings.socket, dataDir: settings.dataDir, version });
      await server.start();
      return () => server.stop();
    },
  };
}

function listenerChild({ parts, metrics, health, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'observability',
    start: async () => {
      const listener = new HttpListener({ metrics, health, logger }, settings);
      await listener.start();
      parts.listener = listener;
      return async () => {
        parts.listener = undefined;
        await listener.stop();
      };
    },
  };
}
