import { contactOf, type Contact } from './contact.js';
import type { Deadline } from './deadline-queue.js';
import type { DhtContext } from './dht-context.js';
import type { ReplicaOutcome } from './dht-operations.js';
import type { RequestFailure, StoreAnswer } from './dht-requests.js';
import type { Replica } from './replica.js';
import type { SignedRecord } from './record.js';

export interface StoreRunOptions {
  readonly record: SignedRecord;
  readonly expectedSequence: number | undefined;
  /** Replicas to store at. */
  readonly targets: readonly Contact[];
  /** Who takes the place of a target that fails or refuses, closest first. */
  readonly spare: readonly Contact[];
  /** Whether this node is a replica, too. */
  readonly local: boolean;
  /** Confirmations from which on slow targets are not waited for. */
  readonly quorum: number;
  onFinished(outcomes: readonly ReplicaOutcome[]): void;
}

/** Attempts at a target that says it is overloaded, and the pause before the second, which doubles. */
const maxAttempts = 4;
const firstPauseMs = 100;
/** Refusals that every replica would give: another one is not asked. */
const lastingRefusals: ReadonlySet<string> = new Set(['malformed', 'wrong-realm', 'future', 'expired', 'forged', 'stale-sequence']);

interface State {
  outcome: ReplicaOutcome | undefined;
  slow: boolean;
  replaced: boolean;
}

/**
 * Stores one record at its replicas, replacing those that fail or refuse. Calls back exactly once unless it is aborted: when
 * all have answered or, with a quorum confirmed, the others are slow. Whoever fails later is still replaced.
 */
export class StoreRun {
  readonly #context: DhtContext;
  readonly #options: StoreRunOptions;
  readonly #targets = new Map<Contact, State>();
  readonly #spare: Contact[];
  readonly #startedMs: number;
  #grace: Deadline | undefined;
  /** The result was reported. */
  #reported = false;
  #aborted = false;

  constructor(context: DhtContext, options: StoreRunOptions) {
    this.#context = context;
    this.#options = options;
    this.#spare = [...options.spare];
    this.#startedMs = context.now();
  }

  start(replica: Replica): void {
    const { local, targets, record, expectedSequence } = this.#options;
    // All are entered before the first is asked, so that no early answer, above all our own, finds nobody else waiting.
    const self = local ? contactOf(this.#context.components.nodeId, [], 'public') : undefined;
    const ownState = self && this.#add(self);
    const states = targets.map((contact) => [contact, this.#add(contact)] as const);
    if (self && ownState) {
      const startedMs = this.#context.now();
      replica.offer(record, undefined, expectedSequence, ({ answer }) => this.#settle(self, ownState, answer, this.#context.now() - startedMs));
    }
    for (const [contact, state] of states) this.#send(contact, state, 1);
    this.#check();
  }

  /** Ends without calling back, or without replacing anybody any more; what was sent may still be stored. */
  abort(): void {
    this.#aborted = true;
    this.#grace?.cancel();
  }

  #add(contact: Contact): State {
    const state: State = { outcome: undefined, slow: false, replaced: false };
    this.#targets.set(contact, state);
    return state;
  }

  #send(contact: Contact, state: State, attempt: number): void {
    const { record, expectedSequence } = this.#options;
    this.#context.requests.send(contact, { type: 'store', record, expectedSequence }, {
      answered: (reply, durationMs) => {
        const answer: StoreAnswer = reply.type === 'stored' || reply.type === 'newer' || reply.type === 'refused' ? reply : { type: 'refused', reason: 'malformed-reply' };
        this.#settle(contact, state, answer, durationMs);
      },
      failed: (failure, durationMs) => {
        if (failure === 'overloaded' && attempt < maxAttempts && !this.#aborted) this.#retry(contact, state, attempt);
        else this.#settle(contact, state, { type: 'failed', failure }, durationMs);
      },
      slow: () => {
        if (this.#aborted || state.outcome || state.slow) return;
        state.slow = true;
        this.#replace(state);
        this.#check();
      },
    });
  }

  #retry(contact: Contact, state: State, attempt: number): void {
    const pauseMs = firstPauseMs * 2 ** (attempt - 1) * (0.5 + this.#context.components.random.float());
    this.#context.deadlines.set(this.#context.now() + pauseMs, () => {
      if (!this.#aborted) this.#send(contact, state, attempt + 1);
    });
  }

  #settle(contact: Contact, state: State, answer: ReplicaOutcome['answer'], durationMs: number): void {
    if (this.#aborted || state.outcome) return;
    state.outcome = { contact, answer, durationMs };
    const replaceable = answer.type === 'failed' || (answer.type === 'refused' && !lastingRefusals.has(answer.reason));
    if (replaceable) this.#replace(state);
    this.#check();
  }

  /** The next closest takes the place of a target, once. */
  #replace(state: State): void {
    if (state.replaced) return;
    state.replaced = true;
    const next = this.#spare.shift();
    if (next && !this.#targets.has(next)) this.#send(next, this.#add(next), 1);
  }

  #check(): void {
    if (this.#aborted || this.#reported) return;
    let confirmed = 0;
    let waiting = 0;
    let slow = 0;
    for (const { outcome, slow: isSlow } of this.#targets.values()) {
      if (outcome?.answer.type === 'stored') confirmed++;
      else if (!outcome && isSlow) slow++;
      else if (!outcome) waiting++;
    }
    const enough = confirmed >= this.#options.quorum;
    if (waiting === 0 && (slow === 0 || enough)) this.#report();
    else if (enough && !this.#grace) {
      const { deadlines, settings } = this.#context;
      const nowMs = this.#context.now();
      // The others have as long again, and at least as long as the fastest peer gets.
      this.#grace = deadlines.set(nowMs + Math.max(settings.dhtMinRequestTimeoutMs, nowMs - this.#startedMs), () => this.#report());
    }
  }

  #report(): void {
    this.#reported = true;
    this.#grace?.cancel();
    const silent = (contact: Contact): ReplicaOutcome => ({ contact, answer: { type: 'failed', failure: 'timed-out' satisfies RequestFailure }, durationMs: 0 });
    this.#options.onFinished([...this.#targets].map(([contact, { outcome }]) => outcome ?? silent(contact)));
  }
}
