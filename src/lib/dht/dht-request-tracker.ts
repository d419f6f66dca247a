import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import type { Deadline } from './deadline-queue.js';
import type { DhtContext, DhtRequests, RequestHandlers } from './dht-context.js';
import type { DhtReply, DhtRequest, RequestFailure } from './dht-requests.js';

/** A lost packet is sent again after about the patience a peer gets, and may be lost again. */
const overdueFactor = 3;

interface Pending {
  readonly contact: Contact;
  readonly sentMs: number;
  /** The connection was open, so that the time to the answer is a round trip. */
  readonly warm: boolean;
  slow: Deadline;
  /** It turned slow. */
  owed: boolean;
  readonly handlers: RequestHandlers | undefined;
}

/** How outcomes of requests bear on what we know of peers. */
export interface RequestObserver {
  /** The peer answered over its authenticated session. */
  alive(contact: Contact): void;
  /** It did not; `broken`: it answered with nonsense. */
  silent(contact: Contact, broken: boolean): void;
}

/** Failures that say nothing of whether the peer lives. */
const inconclusive: ReadonlySet<RequestFailure> = new Set<RequestFailure>(['overloaded', 'unsent']);

/** Requests under way: who waits for which, when they turn slow, and what their outcome says of the peer. */
export class DhtRequestTracker implements DhtRequests {
  readonly #context: DhtContext;
  readonly #observer: RequestObserver;
  readonly #pending = new Map<number, Pending>();
  /** Open sessions, with the contact as the session showed it. */
  readonly #connected = new Map<NodeId, Contact>();
  /** Peers that owe answers to requests that turned slow, and how many; who answers anything owes nothing. */
  readonly #owing = new Map<NodeId, number>();
  #nextId = 1;

  constructor(context: DhtContext, observer: RequestObserver) {
    this.#context = context;
    this.#observer = observer;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  connected(): Iterable<Contact> {
    return this.#connected.values();
  }

  connectedTo(nodeId: NodeId): Contact | undefined {
    return this.#connected.get(nodeId);
  }

  isConnected(nodeId: NodeId): boolean {
    return this.#connected.has(nodeId);
  }

  opened(contact: Contact): void {
    // It is back: what it owed on a connection that died says nothing any more.
    this.#owing.delete(contact.nodeId);
    this.#connected.set(contact.nodeId, contact);
  }

  /** A connected node may be reached through other relays by now than when it came. */
  heard(contact: Contact): void {
    if (this.#connected.has(contact.nodeId)) this.#connected.set(contact.nodeId, contact);
  }

  closed(nodeId: NodeId): void {
    this.#connected.delete(nodeId);
  }

  send(contact: Contact, request: DhtRequest, handlers: RequestHandlers): number {
    const { rtts, deadlines, settings } = this.#context;
    const requestId = this.#nextId++;
    const nowMs = this.#context.now();
    const warm = this.#connected.has(contact.nodeId);
    const usualMs = warm ? rtts.timeoutMs(contact.nodeId) : rtts.firstTimeoutMs();
    // Who is being waited for in vain gets the least there is, so that of many operations only the first is held up by a dead
    // peer; and not nothing, as it may be back, and then it counts.
    const patienceMs = this.#owing.has(contact.nodeId) ? Math.min(usualMs, settings.dhtMinRequestTimeoutMs) : usualMs;
    const slow = deadlines.set(nowMs + patienceMs, () => {
      const late = this.#pending.get(requestId);
      if (late) {
        late.owed = true;
        this.#owing.set(contact.nodeId, (this.#owing.get(contact.nodeId) ?? 0) + 1);
        late.slow = deadlines.set(nowMs + overdueFactor * patienceMs, () => handlers.overdue?.());
      }
      handlers.slow?.();
    });
    this.#pending.set(requestId, { contact, sentMs: nowMs, warm, slow, owed: false, handlers });
    this.#context.emit({ type: 'request', requestId, contact, request, timeoutMs: settings.dhtMaxRequestTimeoutMs });
    return requestId;
  }

  cancel(requestId: number): void {
    const pending = this.#pending.get(requestId);
    if (!pending) return;
    pending.slow.cancel();
    // The request goes on: whether it is answered still tells whether the peer lives.
    this.#pending.set(requestId, { ...pending, handlers: undefined });
  }

  onReply(requestId: number, reply: DhtReply): void {
    const pending = this.#take(requestId);
    if (!pending) return;
    const durationMs = this.#context.now() - pending.sentMs;
    this.#owing.delete(pending.contact.nodeId);
    if (pending.warm) this.#context.rtts.sample(pending.contact.nodeId, durationMs);
    else this.#context.rtts.sampleFirst(durationMs);
    this.#observer.alive(this.#connected.get(pending.contact.nodeId) ?? pending.contact);
    pending.handlers?.answered(reply, durationMs);
  }

  onFailure(requestId: number, failure: RequestFailure): void {
    const pending = this.#take(requestId);
    if (!pending) return;
    if (!inconclusive.has(failure)) this.#observer.silent(pending.contact, failure === 'malformed');
    pending.handlers?.failed(failure, this.#context.now() - pending.sentMs);
  }

  #take(requestId: number): Pending | undefined {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    pending?.slow.cancel();
    if (pending?.owed) this.#settle(pending.contact.nodeId);
    return pending;
  }

  #settle(nodeId: NodeId): void {
    const owed = this.#owing.get(nodeId);
    if (owed === undefined) return;
    if (owed > 1) this.#owing.set(nodeId, owed - 1);
    else this.#owing.delete(nodeId);
  }
}
