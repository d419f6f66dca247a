import type { Clock } from '../base/clock.js';
import type { NodeId } from '../identity/node-id.js';
import type { PeerSession } from './peer-session.js';
import { decideDuplicate, type Contender } from './tie-break.js';

/** How long a session in doubt gets to answer a ping before another one is used instead. */
const doubtMs = 1000;
/** How long the node that follows waits for the other one's decision: its ping, and a farewell. */
const decisionMs = 2 * doubtMs;

/** Tells that another session with the peer is in use now; undefined when there is none left. */
export type PrimaryListener = (session: PeerSession | undefined) => void;

/**
 * All sessions with one peer: one is in use, others exist only while duplicates settle. Carries out what
 * {@link decideDuplicate} says.
 */
export class SessionGroup {
  readonly #clock: Clock;
  readonly #self: NodeId;
  readonly #peer: NodeId;
  readonly #windowMs: number;
  readonly #onPrimary: PrimaryListener;
  readonly #members = new Set<PeerSession>();
  #primary: PeerSession | undefined;
  #settling: Promise<void> = Promise.resolve();
  #onFewer: (() => void) | undefined;

  /** @param windowMs how far apart the admissions of two simultaneous dials can lie */
  constructor(components: { clock: Clock }, ids: { self: NodeId; peer: NodeId }, windowMs: number, onPrimary: PrimaryListener) {
    this.#clock = components.clock;
    this.#self = ids.self;
    this.#peer = ids.peer;
    this.#windowMs = windowMs;
    this.#onPrimary = onPrimary;
  }

  /** The session in use. */
  get primary(): PeerSession | undefined {
    return this.#primary;
  }

  get members(): readonly PeerSession[] {
    return [...this.#members];
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Resolves with the session in use once it is decided which that is. */
  async settled(): Promise<PeerSession | undefined> {
    let settling: Promise<void> | undefined;
    while (settling !== this.#settling) {
      settling = this.#settling;
      await settling;
    }
    return this.#primary;
  }

  /** Takes a session just admitted. */
  add(session: PeerSession): void {
    this.#members.add(session);
    if (!this.#primary) return this.#use(session);
    this.#settling = this.#settling.then(() => this.#settle(session));
  }

  /** The session cannot be used any more. */
  closing(session: PeerSession): void {
    if (this.#primary === session) this.#use(this.#newest(session));
    this.#onFewer?.();
  }

  remove(session: PeerSession): void {
    this.#members.delete(session);
    this.closing(session);
  }

  /** The peer decided against a session. */
  givenUpByPeer(session: PeerSession): void {
    if (this.#primary === session) {
      const other = this.#newest(session);
      // Without another one yet, this one goes on until the one the peer prefers is admitted here.
      if (!other) return;
      this.#use(other);
    }
    void session.leave(this.#primary!);
    this.#onFewer?.();
  }

  /** Whether the session in use still answers. */
  async answers(session: PeerSession): Promise<boolean> {
    const answered = await session.ping({ timeoutMs: doubtMs }).then(() => true, () => false);
    return answered && !session.isClosed;
  }

  async #settle(incoming: PeerSession): Promise<void> {
    const current = this.#primary;
    if (incoming.isClosed || incoming.isSuperseded || incoming === current) return;
    if (!current) return this.#use(incoming);
    const verdict = decideDuplicate(this.#self, this.#peer, this.#contender(current), this.#contender(incoming), this.#windowMs);
    switch (verdict) {
      case 'replace':
        return this.#replace(current, incoming);
      case 'keep-if-alive':
        if (await this.answers(current)) return void incoming.retire(current);
        return this.#replace(current, incoming);
      case 'follow-if-alive':
        if (await this.answers(current)) return this.#decided();
        if (this.#primary === current && this.#usable(incoming)) this.#use(incoming);
    }
  }

  /** Resolves when the peer has decided, or seems not to. */
  async #decided(): Promise<void> {
    if (this.members.filter((session) => this.#usable(session)).length < 2) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(decisionMs, resolve);
      this.#onFewer = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#onFewer = undefined;
  }

  #replace(current: PeerSession, incoming: PeerSession): void {
    if (!this.#usable(incoming)) return;
    this.#use(incoming);
    if (current.givenUpByPeer) void current.leave(incoming);
    else void current.retire(incoming);
  }

  #use(session: PeerSession | undefined): void {
    this.#primary = session;
    this.#onPrimary(session);
  }

  #usable(session: PeerSession): boolean {
    return !session.isClosed && !session.isSuperseded;
  }

  #newest(except: PeerSession): PeerSession | undefined {
    return this.members.filter((session) => session !== except && this.#usable(session)).at(-1);
  }

  #contender(session: PeerSession): Contender {
    return { dialledBy: session.direction === 'out' ? this.#self : this.#peer, sinceMs: session.sinceMs, givenUpByPeer: session.givenUpByPeer };
  }
}
