import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { systemRandom } from '../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../src/lib/config/schema.js';
import { RelayClient } from '../../src/lib/nat/relay-client.js';
import { RelayDialler } from '../../src/lib/nat/relay-dialler.js';
import { RelayEnds } from '../../src/lib/nat/relay-ends.js';
import { RelayServer } from '../../src/lib/nat/relay-server.js';
import type { Session } from '../../src/lib/session/session.js';
import type { RelayHint } from '../../src/lib/wire/peer-record.js';
import { BenchNode, loopbackRoute } from './bench-node.js';

const unlimited = 8 * 1024 ** 3;

/** Datagrams of the same size on every path, and a relay that limits nothing: its cost is what is measured. */
export const relayBenchSettings: Partial<Settings> = { udpPayloadBytes: 1200, relaySessionBytes: unlimited, relayPeerBytes: unlimited, relayTotalBytes: unlimited };

/** Where a relay is. */
export interface RelayAt {
  readonly nodeId: string;
  readonly port: number;
}

/** A node that relays, can be relayed for, and dials through relays. */
export class RelayBenchNode {
  private constructor(
    readonly node: BenchNode,
    readonly dialler: RelayDialler,
    private readonly client: RelayClient,
    private readonly candidates: RelayHint[],
  ) {}

  static async start(): Promise<RelayBenchNode> {
    const settings: Settings = { ...defaultSettings(), ...relayBenchSettings, relayUse: 'always', quicPort: 0, host: '127.0.0.1' };
    const node = await BenchNode.start(settings);
    const { nodeId, sessions, endpoint } = node;
    const ports = { nodeId, sessions, transport: endpoint, clock: systemClock, random: systemRandom, logger: silentLogger, keep: () => undefined };
    const connect = (_id: string, addresses: RelayHint['addresses'], signal: AbortSignal): Promise<Session> => sessions.dial(loopbackRoute(addresses[0]!.port), { signal });
    const candidates: RelayHint[] = [];
    const server = new RelayServer(ports, settings);
    const ends = new RelayEnds({ ...ports, isReserved: (id) => client.isReserved(id), closedByPeer: (id, sessionId) => server.closedBy(id, sessionId) });
    const client: RelayClient = new RelayClient({ ...ports, isReachable: () => undefined, candidates: () => candidates, connect}, settings);
    await server.start();
    await ends.start();
    await client.start();
    return new RelayBenchNode(node, new RelayDialler({ nodeId, ends, sessions, connect }), client, candidates);
  }

  /** Makes itself reachable through a relay. */
  reserve(relay: RelayAt): Promise<void> {
    return new Promise((resolve) => {
      this.client.on('changed', () => resolve());
      this.candidates.push(hintOf(relay));
      this.client.reconsider();
    });
  }

  /** Connects to a node through a relay. */
  dial(peer: string, relay: RelayAt): Promise<Session> {
    return this.dialler.dial(peer, hintOf(relay), new AbortController().signal);
  }
}

function hintOf({ nodeId, port }: RelayAt): RelayHint {
  return { nodeId, addresses: [{ host: '127.0.0.1', port }] };
}
