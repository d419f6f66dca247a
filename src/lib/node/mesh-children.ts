import { join } from 'node:path';
import type { Timer } from '../base/clock.js';
import { recentInterfaces } from '../base/network-interfaces.js';
import type { Settings } from '../config/schema.js';
import { Dht } from '../dht/dht.js';
import type { RememberedContact } from '../dht/ports.js';
import { rememberingVerifier } from '../identity/certificate-rules.js';
import { Pins } from '../identity/pins.js';
import { createSigner, rememberVerified, verifySignature } from '../identity/signing.js';
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
import { knownAddresses } from './known-addresses.js';
import { PeerReach } from './peer-reach.js';
import { relayCapability } from './relay-children.js';
import { type ChildSpec } from './supervisor.js';
import { observeDht, observeEndpoint, observePeers, observePool, observeSessions } from './telemetry-sources.js';
import type { TreeComponents } from './tree-components.js';
import { version } from './version.js';

/** Certificates remembered as good, about 200 bytes each: several times as many peers as a pool holds. */
const verifiedCertificates = 4_000;
/** Signatures remembered as good, about 100 bytes each: as many records as a busy node meets within minutes. */
const verifiedSignatures = 10_000;

/** Addresses told to a peer may be this old: less than the pause after which a peer record with changed ones is published. */
const interfacesAgeMs = 200;
/** Who is to be kept is told this long after the first change: it takes a look at every peer, and what was just opened is not evicted before. */
const keepAfterMs = 20;

export function storeChild({ parts, clock, logger }: TreeComponents, settings: Settings): ChildSpec {
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

export function endpointChild({ parts, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'endpoint',
    start: async (fail) => {
      const verifyChain = rememberingVerifier(verifiedCertificates);
      const verifyPeer = (chain: readonly Uint8Array[]) => verifyChain(chain, clock.wallMs());
      const endpoint = new QuicheEndpoint({ identity: parts.running('identity'), verifyPeer, clock, random, logger }, settings);
      endpoint.onFailure(fail);
      observeEndpoint(telemetry, endpoint);
      const localAddresses = new LocalAddresses({ interfaces: recentInterfaces(clock, interfacesAgeMs), bound: () => endpoint.localAddresses }, settings);
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

export function sessionsChild({ parts, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'sessions',
    start: async () => {
      const localAddresses = parts.running('localAddresses');
      const sessions = new MeshSessionManager(
        {
          endpoint: parts.running('endpoint'),
          nodeId: parts.running('identity').nodeId,
          agent: `macula/${version}`,
          capabilities: settings.relay ? [relayCapability] : [],
          listenAddresses: () => localAddresses.list(),
          isDenied: (nodeId) => parts.pins?.isDenied(nodeId) ?? false,
          clock,
          random,
          logger,
        },
        settings,
      );
      sessions.on('refused', ({ code }) => parts.refusals.count(code));
      observeSessions(telemetry, sessions, clock);
      await sessions.start();
      parts.sessions = sessions;
      return async () => {
        await sessions.stop();
        parts.sessions = undefined;
      };
    },
  };
}

export function poolChild({ parts, clock, random, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'pool',
    start: async () => {
      const sessions = parts.running('sessions');
      const reach = new PeerReach({ parts, clock });
      const pool = new ConnectionPool(
        {
          nodeId: parts.running('identity').nodeId,
          sessions,
          dialler: { looksUp: true, dial: (nodeId, addresses, signal, ways) => reach.dial(nodeId, addresses, signal, ways) },
          isDenied: (nodeId) => parts.pins?.isDenied(nodeId) ?? false,
          addressBook: { resolve: async (nodeId) => knownAddresses(parts, nodeId) },
          clock,
          random,
        },
        settings,
      );
      observePool(telemetry, pool);
      await pool.start();
      parts.pool = pool;
      return async () => {
        parts.pool = undefined;
        await pool.stop();
      };
    },
  };
}

export function dhtChild({ parts, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
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
          transport: new PooledDhtTransport({ pool: parts.running('pool'), sessions: parts.running('sessions'), relaysOf: (nodeId) => parts.peerRelays?.of(nodeId) }),
          records: store.collection<unknown>('dht-records'),
          contacts: store.collection<readonly RememberedContact[]>('dht-contacts'),
          clock,
          random,
          logger,
        },
        settings,
      );
      observeDht(telemetry, dht);
      await dht.start();
      parts.dht = dht;
      return async () => {
        parts.dht = undefined;
        await dht.stop();
      };
    },
  };
}

export function peersChild({ parts, clock, random, logger, telemetry, onPeersChanged }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'peers',
    start: async () => {
      const book = new PeerBook({ store: parts.running('store').collection('peers'), clock, logger }, settings);
      const reach = new PeerReach({ parts, clock });
      const peers = new Peers(
        {
          nodeId: parts.running('identity').nodeId,
          sessions: parts.running('sessions'),
          book,
          pins: parts.running('pins'),
          resolver: systemResolver,
          otherWays: {
            dial: (nodeId, { mayLookUp, signal }) => reach.otherwise(nodeId, { relays: parts.peerRelays?.of(nodeId) ?? [], mayLookUp, tried: book.addresses(nodeId), signal }),
          },
          localAddresses: parts.running('localAddresses'),
          clock,
          random,
          logger,
        },
        settings,
      );
      let keeping: Timer | undefined;
      const keep = (): void => {
        keeping ??= clock.setTimer(keepAfterMs, () => {
          keeping = undefined;
          parts.pool?.keep('peers', keptPeers(peers.listPeers(), settings.maxPeers));
        });
      };
      for (const name of ['connected', 'disconnected'] as const) peers.on(name, keep);
      for (const name of ['connected', 'disconnected', 'dialFailed', 'forgotten'] as const) peers.on(name, onPeersChanged);
      observePeers(telemetry, peers);
      parts.peerBook = book;
      await peers.start();
      parts.peers = peers;
      return async () => {
        parts.peers = undefined;
        parts.peerBook = undefined;
        keeping?.cancel();
        await peers.stop();
      };
    },
  };
}

export function discoveryChild({ parts, clock, random, logger }: TreeComponents, settings: Settings): ChildSpec {
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
