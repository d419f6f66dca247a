import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import type { Session, SessionEvents } from '../../../src/lib/session/session.js';
import { MeshSessionManager } from '../../../src/lib/session/session-manager.js';
import type { DirectRoute } from '../../../src/lib/transport/endpoint.js';
import type { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import { EndpointFixture, newIdentity, routeTo } from '../transport/endpoint-fixture.js';

/** A node of real sockets as far as sessions go. */
export interface RealNode {
  readonly nodeId: string;
  readonly endpoint: QuicheEndpoint;
  readonly sessions: MeshSessionManager;
  readonly route: DirectRoute;
  readonly opened: Session[];
  readonly closed: SessionEvents['closed'][];
  readonly refused: SessionEvents['refused'][];
}

/** Starts nodes on loopback and stops all of them. */
export class NodeFixture {
  readonly #endpoints = new EndpointFixture();
  readonly #nodes: RealNode[] = [];

  async node(settings: Partial<Settings> = {}, identity?: NodeIdentity): Promise<RealNode> {
    const own = identity ?? (await newIdentity());
    const all = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', retrySampleRatio: 0, ...settings };
    const endpoint = await this.#endpoints.start({ identity: own, settings: all });
    const sessions = new MeshSessionManager(
      {
        endpoint, clock: systemClock, random: systemRandom, logger: silentLogger, nodeId: own.nodeId,
        isDenied: () => false, agent: 'test', capabilities: [], listenAddresses: () => endpoint.localAddresses,
      },
      all,
    );
    const node: RealNode = { nodeId: own.nodeId, endpoint, sessions, route: routeTo(endpoint), opened: [], closed: [], refused: [] };
    sessions.on('opened', (session) => node.opened.push(session));
    sessions.on('closed', (event) => node.closed.push(event));
    sessions.on('refused', (event) => node.refused.push(event));
    await sessions.start();
    this.#nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.sessions.stop()));
    await this.#endpoints.close();
  }
}

/** Resolves once the condition holds. @throws Error when it does not within `limitMs` */
export async function until(condition: () => boolean, what: string, limitMs = 15_000): Promise<void> {
  const deadlineMs = systemClock.nowMs() + limitMs;
  while (!condition()) {
    if (systemClock.nowMs() > deadlineMs) throw new Error(`${what}: not so within ${limitMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
