import { Emitter } from '../base/emitter.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session } from '../session/session.js';
import { punchBody, punchFrameTypes, readPunch, type PunchMessage } from '../wire/punch.js';
import type { PunchCore } from './punch-core.js';
import { PunchLink } from './punch-link.js';
import type { PuncherComponents } from './punch-ports.js';
import type { BirthdaySlot, PunchOutcome, PunchReport } from './punch-types.js';

export type PuncherSettings = Pick<Settings, 'punch' | 'punchRetryMinMs' | 'punchRetryMaxMs'>;

export interface PuncherEvents {
  /** An attempt came to its end. */
  attempted: { readonly nodeId: NodeId; readonly report: PunchReport };
  /** The connection to a peer left its relay. `afterMs`: since packets took the relay. */
  upgraded: { readonly nodeId: NodeId; readonly afterMs: number };
  /** The connection to a peer fell back to a relay. */
  relayed: { readonly nodeId: NodeId };
}

export interface PuncherStats {
  /** Attempts by technique and outcome. */
  readonly attempts: Readonly<Record<string, Readonly<Partial<Record<PunchOutcome, number>>>>>;
  readonly upgrades: number;
  readonly fallbacks: number;
  readonly probes: number;
}

/** Attempts remembered for each peer. */
const rememberedReports = 8;

/** What is known of getting a direct path to a peer. */
export interface PunchStory {
  readonly stage: PunchCore['stage'];
  readonly failures: number;
  /** Milliseconds until the next attempt of this side. */
  readonly nextAttemptInMs: number | undefined;
  /** The last attempts, oldest first. */
  readonly reports: readonly PunchReport[];
}

/** Gets every connection that runs through a relay onto a direct path, as far as the NATs allow. */
export class Puncher implements Service {
  readonly #components: PuncherComponents;
  readonly #settings: PuncherSettings;
  readonly #events = new Emitter<PuncherEvents>();
  readonly #links = new Map<Session, PunchLink>();
  readonly #reports = new WeakMap<Session, PunchReport[]>();
  readonly #attempts: Record<string, Partial<Record<PunchOutcome, number>>> = {};
  readonly #slot: BirthdaySlot;
  #unsubscribe: (() => void)[] = [];
  #isRunning = false;
  #upgrades = 0;
  #fallbacks = 0;
  #probes = 0;

  constructor(components: PuncherComponents, settings: PuncherSettings) {
    this.#components = components;
    this.#settings = settings;
    let isTaken = false;
    this.#slot = {
      take: () => !isTaken && (isTaken = true),
      release: () => {
        isTaken = false;
      },
    };
  }

  on<Name extends keyof PuncherEvents>(name: Name, listener: (value: PuncherEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** To be started once per session manager: it takes a handler only once. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { sessions } = this.#components;
    for (const type of Object.keys(punchFrameTypes) as PunchMessage['type'][]) {
      sessions.handleNotify(punchFrameTypes[type], (body, { session }) => this.#received(readPunch(type, body), session));
    }
    this.#unsubscribe = [sessions.on('opened', (session) => this.#watch(session)), sessions.on('closed', ({ session }) => this.#forget(session))];
    for (const session of sessions.list()) this.#watch(session);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const session of [...this.#links.keys()]) this.#forget(session);
  }

  /** The addresses of this machine, or what is known of its NAT, changed: every peer that is relayed is tried at once. */
  networkChanged(): void {
    for (const link of this.#links.values()) link.handle({ type: 'network-changed' });
  }

  /** What became of the attempts to get a direct path to the peer of a session. */
  story(session: Session): PunchStory | undefined {
    const link = this.#links.get(session);
    if (!link) return undefined;
    const { stage, failures, nextAttemptMs } = link.core;
    const nextAttemptInMs = nextAttemptMs === undefined ? undefined : Math.max(0, nextAttemptMs - this.#components.clock.nowMs());
    return { stage, failures, nextAttemptInMs, reports: this.#reports.get(session) ?? [] };
  }

  stats(): PuncherStats {
    return { attempts: structuredClone(this.#attempts), upgrades: this.#upgrades, fallbacks: this.#fallbacks, probes: this.#probes };
  }

  #received(message: PunchMessage, session: Session): void {
    if (!this.#isRunning || session.isClosed) return;
    const link = this.#watch(session);
    if (link) link.handle({ type: 'message', message });
    else if (message.type === 'offer') session.notify(punchFrameTypes.end, punchBody({ type: 'end', attempt: message.attempt, reason: 'off' }));
  }

  #watch(session: Session): PunchLink | undefined {
    const known = this.#links.get(session);
    if (known || !this.#settings.punch || session.isClosed) return known;
    const link = new PunchLink(
      { ...this.#components, session, slot: this.#slot },
      this.#settings,
      {
        reported: (report) => this.#reported(session, report),
        upgraded: (afterMs) => {
          this.#upgrades += 1;
          this.#events.emit('upgraded', { nodeId: session.nodeId, afterMs });
        },
        fellBack: () => {
          this.#fallbacks += 1;
          this.#events.emit('relayed', { nodeId: session.nodeId });
        },
      },
    );
    this.#links.set(session, link);
    link.start();
    return link;
  }

  #reported(session: Session, report: PunchReport): void {
    const kind = report.technique?.kind ?? 'none';
    const counts = (this.#attempts[kind] ??= {});
    counts[report.outcome] = (counts[report.outcome] ?? 0) + 1;
    this.#probes += report.probes;
    const reports = this.#reports.get(session) ?? [];
    this.#reports.set(session, [...reports, report].slice(-rememberedReports));
    this.#events.emit('attempted', { nodeId: session.nodeId, report });
  }

  #forget(session: Session): void {
    this.#links.get(session)?.stop();
    this.#links.delete(session);
  }
}
