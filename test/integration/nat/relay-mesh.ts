import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import { RelayClient } from '../../../src/lib/nat/relay-client.js';
import { RelayDialler } from '../../../src/lib/nat/relay-dialler.js';
import { RelayEnds } from '../../../src/lib/nat/relay-ends.js';
import { RelayServer } from '../../../src/lib/nat/relay-server.js';
import type { Session } from '../../../src/lib/session/session.js';
import { MeshSessionManager } from '../../../src/lib/session/session-manager.js';
import type { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import type { UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import type { RelayHint } from '../../../src/lib/wire/peer-record.js';
import { EndpointFixture, newIdentity, routeTo } from '../transport/endpoint-fixture.js';

/** A node as far as relaying goes. */
export interface RelayNode {
  readonly nodeId: string;
  readonly endpoint: QuicheEndpoint;
  readonly sessions: MeshSessionManager;
  readonly server: RelayServer;
  readonly ends: RelayEnds;
  readonly client: RelayClient;
  readonly dialler: RelayDialler;
  readonly hint: RelayHint;
  /** Nodes it may ask to be its relays. */
  readonly candidates: RelayHint[];
  /** Whose connections are kept, by what for. */
  readonly kept: Map<string, string[]>;
  stop(): Promise<void>;
}

export interface RelayNodeOptions {
  readonly settings?: Partial<Settings>;
  readonly openSocket?: UdpSocketFactory;
}

/** Nodes on loopback, each of which relays and can be relayed for. All answer CALL with what they were asked. */
export class RelayMesh {
  readonly #endpoints = new EndpointFixture();
  readonly #nodes: RelayNode[] = [];

  async node(options: RelayNodeOptions = {}): Promise<RelayNode> {
    const settings: Settings = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', udpPayloadBytes: 1200, requestTimeoutMs: 20_000, ...options.settings };
    const identity = await newIdentity();
    const { nodeId } = identity;
    const endpoint = await this.#endpoints.start({ identity, settings, ...(options.openSocket ? { openSocket: options.openSocket } : {}) });
    const base = { clock: systemClock, random: systemRandom, logger: silentLogger, nodeId };
    const sessions = new MeshSessionManager({ ...base, endpoint, isDenied: () => false, agent: 'test', capabilities: ['relay'], listenAddresses: () => endpoint.localAddresses }, settings);
    sessions.handle(FrameType.call, FrameType.reply, (body) => body);
    await sessions.start();
    const kept = new Map<string, string[]>();
    const ports = { ...base, sessions, transport: endpoint, keep: (owner: string, ids: Iterable<string>) => void kept.set(owner, [...ids]) };
    const server = new RelayServer(ports, settings);
    const ends = new RelayEnds({ ...ports, isReserved: (id) => client.isReserved(id), closedByPeer: (id, sessionId) => server.closedBy(id, sessionId) });
    const connect = (id: string, addresses: RelayHint['addresses'], signal: AbortSignal): Promise<Session> =>
      sessions.dial({ kind: 'direct', address: addresses[0]! }, { expectedId: id, signal });
    const candidates: RelayHint[] = [];
    const client: RelayClient = new RelayClient({ ...ports, isReachable: () => undefined, candidates: () => candidates, connect }, settings);
    const dialler = new RelayDialler({ nodeId, ends, sessions, connect });
    await server.start();
    await ends.start();
    await client.start();
    const node: RelayNode = {
      nodeId, endpoint, sessions, server, ends, client, dialler, candidates, kept, hint: { nodeId, addresses: [routeTo(endpoint).address] },
      stop: async () => {
        await client.stop();
        await ends.stop();
        await server.stop();
        await sessions.stop();
        await endpoint.stop();
      },
    };
    this.#nodes.push(node);
    return node;
  }

  /** A node with reservations on all of these relays. */
  async reserved(relays: readonly RelayNode[], options: RelayNodeOptions = {}): Promise<RelayNode> {
    const node = await this.node({ ...options, settings: { relayUse: 'always', ...options.settings } });
    const done = new Promise<void>((resolve) =>
      node.client.on('changed', (held) => {
        if (held.length === relays.length) resolve();
      }),
    );
    node.candidates.push(...relays.map(({ hint }) => hint));
    node.client.reconsider();
    await done;
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.stop()));
    await this.#endpoints.close();
  }
}
