import type { Service } from '../base/lifecycle.js';
import type { NodeId } from '../identity/node-id.js';
import type { SessionManager } from '../session/session.js';
import { FrameType } from '../wire/frame-type.js';
import type { RelayHint } from '../wire/peer-record.js';
import { readRelayedBy, relayedByBody } from '../wire/relay-messages.js';

/** Tells peers through which relays this node is reachable, and remembers what they tell, for as long as they are connected. */
export class PeerRelays implements Service {
  readonly #sessions: Pick<SessionManager, 'get' | 'list' | 'on' | 'handleNotify'>;
  readonly #told = new Map<NodeId, readonly RelayHint[]>();
  #own: readonly RelayHint[] = [];
  #unsubscribe: (() => void)[] = [];
  #isRunning = false;

  constructor(components: { sessions: Pick<SessionManager, 'get' | 'list' | 'on' | 'handleNotify'> }) {
    this.#sessions = components.sessions;
  }

  /** To be started once per session manager: it takes a handler only once. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#sessions.handleNotify(FrameType.relayedBy, (body, { session }) => {
      const relays = readRelayedBy(body);
      if (!this.#isRunning || session.isClosed) return;
      if (relays.length > 0) this.#told.set(session.nodeId, relays);
      else this.#told.delete(session.nodeId);
    });
    this.#unsubscribe = [
      this.#sessions.on('opened', (session) => {
        if (this.#own.length > 0) session.notify(FrameType.relayedBy, relayedByBody(this.#own));
      }),
      this.#sessions.on('closed', ({ session }) => {
        if (!this.#sessions.get(session.nodeId)) this.#told.delete(session.nodeId);
      }),
    ];
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#told.clear();
  }

  /** Relays of a connected peer; undefined where it named none. */
  of(nodeId: NodeId): readonly RelayHint[] | undefined {
    return this.#told.get(nodeId);
  }

  /** This node is reachable through these from now on; connected peers are told, later ones when they come. */
  tell(relays: readonly RelayHint[]): void {
    this.#own = relays;
    for (const session of this.#sessions.list()) session.notify(FrameType.relayedBy, relayedByBody(relays));
  }
}
