import { silentLogger } from '../../src/lib/base/logger.js';
import { seededRandom } from '../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../src/lib/config/schema.js';
import type { NodeId } from '../../src/lib/identity/node-id.js';
import type { Session, SessionEvents } from '../../src/lib/session/session.js';
import { MeshSessionManager } from '../../src/lib/session/session-manager.js';
import { MemoryNetwork, type MemoryEndpoint } from './memory-endpoint.js';
import { VirtualClock } from './virtual-clock.js';

/** The promise's outcome as a value; no time advances. */
export function capture<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown }> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}

/** A node as far as sessions go: its manager, its endpoint, and what it announced. */
export interface SessionNode {
  readonly nodeId: NodeId;
  readonly endpoint: MemoryEndpoint;
  readonly sessions: MeshSessionManager;
  readonly opened: Session[];
  readonly closed: SessionEvents['closed'][];
  readonly refused: SessionEvents['refused'][];
  readonly denied: Set<NodeId>;
}

/** A network of nodes in memory under virtual time. */
export class SessionNetwork {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  #seed = 1;

  constructor(options: { latencyMs?: number } = {}) {
    this.network = new MemoryNetwork({ clock: this.clock }, options);
  }

  /** A started node; `letter` is the hex digit its id is made of, so that ids sort like letters. */
  async node(letter: string, settings: Partial<Settings> = {}): Promise<SessionNode> {
    const nodeId = letter.repeat(64);
    const all = { ...defaultSettings(), ...settings };
    const endpoint = this.network.endpoint(nodeId, { settings: all });
    const denied = new Set<NodeId>();
    const sessions = new MeshSessionManager(
      {
        endpoint, clock: this.clock, random: seededRandom(this.#seed++), logger: silentLogger, nodeId,
        isDenied: (id) => denied.has(id), agent: `test/${letter}`, capabilities: ['relay'], listenAddresses: () => endpoint.localAddresses,
      },
      all,
    );
    const node: SessionNode = { nodeId, endpoint, sessions, opened: [], closed: [], refused: [], denied };
    sessions.on('opened', (session) => node.opened.push(session));
    sessions.on('closed', (event) => node.closed.push(event));
    sessions.on('refused', (event) => node.refused.push(event));
    await endpoint.start();
    await sessions.start();
    return node;
  }

  /** The promise's outcome, with time advancing as far as it takes. */
  async outcome<T>(promise: Promise<T>, limitMs = 120_000): Promise<{ value?: T; error?: unknown }> {
    let outcome: { value?: T; error?: unknown } | undefined;
    promise.then((value) => (outcome = { value }), (error: unknown) => (outcome = { error }));
    await this.clock.advanceUntil(() => outcome !== undefined, limitMs);
    return outcome!;
  }

  /** The promise's value, with time advancing as far as it takes. */
  async run<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    const { value, error } = await this.outcome(promise, limitMs);
    if (error !== undefined) throw error;
    return value as T;
  }

  /** Two nodes with a session between them. */
  async pair(settings: Partial<Settings> = {}): Promise<{ a: SessionNode; b: SessionNode; ab: Session; ba: Session }> {
    const [a, b] = [await this.node('a', settings), await this.node('b', settings)];
    const ab = await this.run(a.sessions.dial(b.endpoint.route));
    await this.clock.advanceUntil(() => b.opened.length > 0);
    return { a, b, ab, ba: b.opened[0]! };
  }
}
