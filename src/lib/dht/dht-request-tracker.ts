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

  isConnected(nodeId: NodeId): boolean {
    return this.#connected.has(nodeId);
  }

  opened(contact: Contact): void {
    this.#connected.set(contact.nodeId, contact);
  }

  closed(nodeId: NodeId): void {
    this.#connected.delete(nodeId);
  }

  send(contact: Contact, request: DhtRequest, handlers: RequestHandlers): number {
    const { rtts, deadlines, settings } = this.#context;
    const requestId = this.#nextId++;
    const nowMs = this.#context.now();
    const warm = this.#connected.has(contact.nodeId);
    const patienceMs = warm ? rtts.timeoutMs(contact.nodeId) : rtts.firstTimeoutMs();
    const slow = deadlines.set(nowMs + patienceMs, () => {
      const late = this.#pending.get(requestId);
      if (late) late.slow = deadlines.set(nowMs + overdueFactor * patienceMs, () => handlers.overdue?.());
      handlers.slow?.();
    });
    this.#pending.set(requestId, { contact, sentMs: nowMs, warm, slow, handlers });
    this.#context.emit({ type: 'request', requestId, contact, request, timeoutMs: settings.dhtMaxRequestTimeoutMs });
    return requestId;
  }

  cancel(requestId: number): void {
    const pending = this.#pending.get(requestId);
    if (!pending) return;
    pending.slow.cancel();
    // The entry stays: an answer that comes anyway still shows that the peer lives.
    this.#pending.set(requestId, { ...pending, handlers: undefined });
    this.#context.emit({ type: 'cancel', requestId });
  }

  onReply(requestId: number, reply: DhtReply): void {
    const pending = this.#take(requestId);
    if (!pending) return;
    const durationMs = this.#context.now() - pending.sentMs;
    if (pending.warm) this.#context.rtts.sample(pending.contact.nodeId, durationMs);
    else this.#context.rtts.sampleFirst(durationMs);
    this.#observer.alive(this.#connected.get(pending.contact.nodeId) ?? pending.contact);
    pending.handlers?.answered(reply, durationMs);
  }

  onFailure(requestId: number, failure: RequestFailure): void {
    const pending = this.#take(requestId);
    if (!pending) return;
    // A request we cancelled fails as cancelled: no sign of death.
    if (!inconclusive.has(failure) && pending.handlers) this.#observer.silent(pending.contact, failure === 'malformed');
    pending.handlers?.failed(failure, this.#context.now() - pending.sentMs);
  }

  #take(requestId: number): Pending | undefined {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    pending?.slow.cancel();
    return pending;
  }
}
