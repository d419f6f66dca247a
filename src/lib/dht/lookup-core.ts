import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import { networkPrefix } from './network-prefix.js';
import { commonPrefixLength, compareDistance, idBytes } from './xor.js';

export interface LookupSettings {
  /** Contacts wanted: k, or more while `isEnough` says no. */
  readonly count: number;
  readonly maxCount: number;
  /** Requests under way at once, and the most while earlier ones are slow. */
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Most candidates of one /24 or /48. */
  readonly maxPerPrefix: number;
  /** Requests in all, whatever peers answer. */
  readonly maxRequests: number;
}

export interface LookupOptions {
  readonly target: Uint8Array;
  /** Our own id: never a candidate. */
  readonly self: NodeId;
  readonly settings: LookupSettings;
  /** Whether asking the node needs no dial: it goes first among those about as close. */
  isConnected(nodeId: NodeId): boolean;
  /** Whether these, closest first, are all that is wanted; otherwise the lookup goes on past the k-th. */
  isEnough?(answered: readonly Contact[]): boolean;
  /** Whether slow nodes are waited for a little longer where they are the closest: finding them matters more than time. */
  readonly thorough?: boolean;
  /**
   * Whether it is enough that some of the closest answered, as for who is asked next anyway: those they name are taken for
   * alive. Where the result `isEnough` says no to, all are asked.
   */
  readonly trusting?: boolean;
  /** Whether this lookup may take the contact: disjoint lookups share what they claimed. */
  claim?(nodeId: NodeId): boolean;
}

export type LookupEvent =
  | { readonly type: 'seed'; readonly contacts: readonly Contact[] }
  | { readonly type: 'answered'; readonly nodeId: NodeId; readonly contacts: readonly Contact[] }
  /** It has not answered within its usual time: its place is free, its answer still welcome. */
  | { readonly type: 'slow'; readonly nodeId: NodeId }
  /** It has not answered within several times that: only a late answer of it counts. */
  | { readonly type: 'overdue'; readonly nodeId: NodeId }
  | { readonly type: 'failed'; readonly nodeId: NodeId }
  /** Enough was learned. */
  | { readonly type: 'stop' };

export type LookupEffect =
  | { readonly type: 'ask'; readonly contact: Contact; readonly hop: number }
  | { readonly type: 'finished' };

type CandidateState = 'new' | 'waiting' | 'slow' | 'overdue' | 'answered' | 'failed';

interface Candidate {
  readonly contact: Contact;
  /** Requests in a row it takes to learn of it and ask it. */
  readonly hop: number;
  /** The first few who named it; none for our own. */
  readonly sources: NodeId[];
  state: CandidateState;
}

/** Candidates kept beside the wanted ones: what lies further will hardly be asked. */
const spareCandidates = 60;
/** A thorough lookup waits for slow nodes that are closer than the closest so many. */
const awaitedSlow = 3;
/** A trusting lookup ends when so many of the closest so many have answered: each of them knows its own surroundings. */
const witnesses = 3;
const witnessesAmong = 5;
/** Contacts taken of one answer, in order: peers send k. */
const maxContactsPerAnswer = 20;
/** Sources of a candidate that are remembered. */
const maxSources = 3;
/** From so many failures on, of which three times as many as answers, what a peer names is believed last. */
const doubtfulFailures = 4;
const doubtfulRatio = 3;

/** How contacts a peer named turned out. */
interface SourceRecord {
  answered: number;
  failed: number;
}

/**
 * One iterative lookup (Maymounkov and Mazières, Kademlia, section 2.3) without I/O. It asks the closest known nodes,
 * takes in whom they name, and is finished when the closest `count` that did not fail have answered. A silent node
 * holds up nothing but its own place. State is bounded whatever peers answer.
 */
export class LookupCore {
  readonly #options: LookupOptions;
  /** Closest first. */
  readonly #candidates: Candidate[] = [];
  readonly #known = new Map<NodeId, Candidate>();
  readonly #sources = new Map<NodeId, SourceRecord>();
  #count: number;
  #trusting: boolean;
  #requests = 0;
  #finished = false;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#count = options.settings.count;
    this.#trusting = options.trusting ?? false;
  }

  get target(): Uint8Array {
    return this.#options.target;
  }

  get isFinished(): boolean {
    return this.#finished;
  }

  /** Requests sent. */
  get requests(): number {
    return this.#requests;
  }

  handle(event: LookupEvent): LookupEffect[] {
    if (this.#finished) return [];
    switch (event.type) {
      case 'seed':
        this.#learn(event.contacts, undefined, 1);
        break;
      case 'answered': {
        const candidate = this.#known.get(event.nodeId);
        if (!candidate || candidate.state === 'answered' || candidate.state === 'new') return [];
        candidate.state = 'answered';
        this.#judgeSources(candidate, 'answered');
        this.#learn(event.contacts, event.nodeId, candidate.hop + 1);
        break;
      }
      case 'slow':
        this.#mark(event.nodeId, 'slow');
        break;
      case 'overdue':
        this.#mark(event.nodeId, 'overdue');
        break;
      case 'failed':
        this.#mark(event.nodeId, 'failed');
        break;
      case 'stop':
        this.#finished = true;
        return [{ type: 'finished' }];
    }
    return this.#advance();
  }

  /** Those that answered, or are taken for alive, closest first, at most as many as wanted. */
  closest(): Contact[] {
    return this.#found().slice(0, this.#count);
  }

  /** The same beyond {@link closest}: where to turn when some of those refuse. */
  further(): Contact[] {
    return this.#found().slice(this.#count);
  }

  /** Requests in a row that led to the closest one that answered; 0 when none did. */
  hops(): number {
    return this.#candidates.find((candidate) => candidate.state === 'answered')?.hop ?? 0;
  }

  #found(): Contact[] {
    // Where nobody answered, nobody is believed to be there.
    const trusting = this.#trusting && this.hops() > 0;
    const isFound = (candidate: Candidate): boolean => {
      if (candidate.state === 'answered') return true;
      return trusting && (candidate.state === 'waiting' || (candidate.state === 'new' && !this.#isDoubtful(candidate)));
    };
    return this.#candidates.filter(isFound).map(({ contact }) => contact);
  }

  #mark(nodeId: NodeId, state: 'slow' | 'overdue' | 'failed'): void {
    const candidate = this.#known.get(nodeId);
    if (!candidate || (candidate.state !== 'waiting' && candidate.state !== 'slow' && candidate.state !== 'overdue')) return;
    candidate.state = state;
    if (state === 'failed') this.#judgeSources(candidate, 'failed');
  }

  #judgeSources(candidate: Candidate, outcome: 'answered' | 'failed'): void {
    for (const source of candidate.sources) {
      const record = this.#sources.get(source) ?? { answered: 0, failed: 0 };
      record[outcome]++;
      this.#sources.set(source, record);
    }
  }

  #learn(contacts: readonly Contact[], source: NodeId | undefined, hop: number): void {
    const taken = source === undefined ? contacts : contacts.slice(0, maxContactsPerAnswer);
    for (const contact of taken) {
      if (contact.nodeId === this.#options.self || contact.id.length !== idBytes) continue;
      const known = this.#known.get(contact.nodeId);
      if (known && source !== undefined && known.sources.length > 0 && known.sources.length < maxSources) known.sources.push(source);
      if (known) continue;
      if (!this.#hasRoomFor(contact)) continue;
      if (this.#options.claim && !this.#options.claim(contact.nodeId)) continue;
      const candidate: Candidate = { contact, hop, sources: source === undefined ? [] : [source], state: 'new' };
      this.#known.set(contact.nodeId, candidate);
      this.#candidates.splice(this.#rank(contact.id), 0, candidate);
    }
    this.#trim();
  }

  /** Position at which an id belongs among the candidates. */
  #rank(id: Uint8Array): number {
    let low = 0;
    let high = this.#candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareDistance(this.target, this.#candidates[middle]!.contact.id, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether the contact's network is not yet fully represented, or by one further away that was not asked, which then goes. */
  #hasRoomFor(contact: Contact): boolean {
    const network = networkPrefix(contact);
    if (network === undefined) return true;
    const same = this.#candidates.filter((candidate) => candidate.state !== 'failed' && networkPrefix(candidate.contact) === network);
    if (same.length < this.#options.settings.maxPerPrefix) return true;
    const furthest = same.findLast((candidate) => candidate.state === 'new');
    if (!furthest || compareDistance(this.target, contact.id, furthest.contact.id) >= 0) return false;
    this.#drop(furthest);
    return true;
  }

  #trim(): void {
    const limit = this.#options.settings.maxCount + spareCandidates;
    for (let index = this.#candidates.length - 1; index >= 0 && this.#candidates.length > limit; index--) {
      if (this.#candidates[index]!.state === 'new') this.#drop(this.#candidates[index]!);
    }
  }

  #drop(candidate: Candidate): void {
    this.#candidates.splice(this.#candidates.indexOf(candidate), 1);
    this.#known.delete(candidate.contact.nodeId);
  }

  #advance(): LookupEffect[] {
    const effects: LookupEffect[] = [];
    for (;;) {
      const { settings } = this.#options;
      let waiting = 0;
      let slow = 0;
      for (const { state } of this.#candidates) {
        if (state === 'waiting') waiting++;
        else if (state === 'slow' || state === 'overdue') slow++;
      }
      // Once the closest has answered, all that is left is to ask the others of the k: no answer is worth waiting for.
      const parallelism = !this.#trusting && this.#isHome() ? Math.max(settings.maxParallelism, settings.count) : Math.min(settings.maxParallelism, settings.parallelism + slow);
      const next = waiting < parallelism && this.#requests < settings.maxRequests && !this.#hasWitnesses() ? this.#next() : undefined;
      if (next) {
        next.state = 'waiting';
        this.#requests++;
        effects.push({ type: 'ask', contact: next.contact, hop: next.hop });
        continue;
      }
      if (!this.#hasWitnesses() && this.#isOpen(slow)) return effects;
      if (this.#count < settings.maxCount && this.#requests < settings.maxRequests && this.#options.isEnough?.(this.closest()) === false) {
        if (this.#trusting) {
          this.#trusting = false;
          continue;
        }
        this.#count = Math.min(settings.maxCount, this.#count + (settings.count >> 1));
        if (this.#next() || this.#isOpen(slow)) continue;
      }
      this.#finished = true;
      effects.push({ type: 'finished' });
      return effects;
    }
  }

  #hasWitnesses(): boolean {
    if (!this.#trusting) return false;
    let seen = 0;
    let answered = 0;
    for (const candidate of this.#candidates) {
      const { state } = candidate;
      if (state === 'answered') answered++;
      if (answered === witnesses) return true;
      const counts = state === 'answered' || state === 'waiting' || (state === 'new' && !this.#isDoubtful(candidate));
      if (counts && ++seen === witnessesAmong) return false;
    }
    return false;
  }

  #isHome(): boolean {
    return this.#candidates.find(({ state }) => state !== 'failed' && state !== 'slow' && state !== 'overdue')?.state === 'answered';
  }

  /** Whether an answer under way may still change the result: of the closest, or, where nobody answered, of anybody. */
  #isOpen(slow: number): boolean {
    let seen = 0;
    let answered = 0;
    for (const candidate of this.#candidates) {
      const { state } = candidate;
      if (state === 'waiting' || (state === 'slow' && this.#options.thorough && seen < awaitedSlow)) return true;
      if (state === 'answered' || (state === 'new' && !this.#isDoubtful(candidate))) seen++;
      if (state === 'answered') answered++;
      if (seen === this.#count) break;
    }
    return answered === 0 && slow > 0;
  }

  /** The candidate to ask next: among the closest wanted, the first not asked yet, or one about as close that is connected. */
  #next(): Candidate | undefined {
    let first: Candidate | undefined;
    let firstShared = 0;
    let doubtful: Candidate | undefined;
    let seen = 0;
    for (const candidate of this.#candidates) {
      const { state, contact } = candidate;
      if (state === 'failed' || state === 'slow' || state === 'overdue') continue;
      if (state === 'new' && this.#isDoubtful(candidate)) {
        doubtful ??= candidate;
        continue;
      }
      if (++seen > this.#count) break;
      if (state !== 'new') continue;
      const shared = commonPrefixLength(this.target, contact.id);
      if (first && shared < firstShared) break;
      if (this.#options.isConnected(contact.nodeId)) return candidate;
      first ??= candidate;
      firstShared = shared;
    }
    return first ?? (seen < this.#count ? doubtful : undefined);
  }

  /** Named only by peers whose other contacts turned out dead: possibly made up to keep us busy. */
  #isDoubtful(candidate: Candidate): boolean {
    if (candidate.sources.length === 0) return false;
    return candidate.sources.every((source) => {
      const record = this.#sources.get(source);
      return record !== undefined && record.failed >= doubtfulFailures && record.failed > doubtfulRatio * record.answered;
    });
  }
}
