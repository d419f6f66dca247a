import { delay, throwIfAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import { SupervisorCore, type SupervisorPolicy } from './supervisor-core.js';

/** A subsystem under supervision. */
export interface ChildSpec {
  readonly id: string;
  /**
   * Builds and starts the subsystem anew, and returns how to stop it. `fail` reports that it cannot go on; calls
   * after stop or of an earlier incarnation are ignored.
   */
  start(fail: (error: Error) => void): Promise<() => Promise<void>>;
}

export interface ChildStatus {
  readonly id: string;
  readonly state: 'stopped' | 'running' | 'restarting';
  readonly restarts: number;
}

interface Child {
  readonly spec: ChildSpec;
  state: ChildStatus['state'];
  restarts: number;
  /** Grows with each start and stop, so that reports of an earlier incarnation are told apart. */
  incarnation: number;
  stop: (() => Promise<void>) | undefined;
}

export interface SupervisorComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told which subsystem failed and is about to be started again. */
  readonly onRestart?: (subsystem: string, error: Error) => void;
}

/**
 * Starts children in order, restarts what fails by the policy, and stops them in reverse order. When restarts come
 * too fast it stops everything and reports its own failure, which its own supervisor (or the process) deals with.
 */
export class Supervisor implements Service {
  readonly #components: SupervisorComponents;
  readonly #core: SupervisorCore;
  readonly #children: Child[];
  readonly #stopping = new AbortController();
  #onFailure: (error: Error) => void = () => undefined;
  #work: Promise<void> = Promise.resolve();
  #started = false;

  constructor(components: SupervisorComponents, policy: SupervisorPolicy, children: readonly ChildSpec[]) {
    this.#components = components;
    this.#core = new SupervisorCore(children.map((child) => child.id), policy);
    this.#children = children.map((spec) => ({ spec, state: 'stopped', restarts: 0, incarnation: 0, stop: undefined }));
  }

  /** Starts all children in order. If one cannot start, those before it are stopped again and its error is thrown. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const starting = this.#work.then(async () => {
      for (const child of this.#children) {
        throwIfAborted(this.#stopping.signal);
        await this.#startChild(child);
      }
    });
    // Failures reported meanwhile queue up behind the start.
    this.#work = starting.catch(() => undefined);
    try {
      await starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops all children in reverse order; a restart under way is abandoned. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
    await this.#stopChildren([...this.#children].reverse());
  }

  /** Called once when the supervisor gives up; its children are stopped by then. */
  onFailure(listener: (error: Error) => void): void {
    this.#onFailure = listener;
  }

  status(): ChildStatus[] {
    return this.#children.map(({ spec, state, restarts }) => ({ id: spec.id, state, restarts }));
  }

  async #startChild(child: Child): Promise<void> {
    const incarnation = ++child.incarnation;
    child.stop = await child.spec.start((error) => {
      if (child.incarnation === incarnation) this.#enqueue(child, incarnation, error);
    });
    child.state = 'running';
  }

  async #stopChildren(children: readonly Child[]): Promise<void> {
    for (const child of children) {
      child.incarnation++;
      const { stop } = child;
      child.stop = undefined;
      child.state = 'stopped';
      if (!stop) continue;
      try {
        await stop();
      } catch (error) {
        this.#components.logger.warn('subsystem did not stop cleanly', { subsystem: child.spec.id, error: String(error) });
      }
    }
  }

  /** Failures are dealt with one after another; a stale one (its incarnation is gone meanwhile) is dropped. */
  #enqueue(child: Child, incarnation: number, error: Error): void {
    this.#work = this.#work.then(async () => {
      if (child.incarnation !== incarnation || this.#stopping.signal.aborted) return;
      await this.#recover(child, error);
    });
  }

  async #recover(failed: Child, error: Error): Promise<void> {
    const { clock, logger } = this.#components;
    for (;;) {
      const decision = this.#core.failed(failed.spec.id, clock.nowMs());
      if (decision.kind === 'give-up') return this.#giveUp(failed, error, decision.restarts);
      logger.warn('restarting a failed subsystem', { subsystem: failed.spec.id, with: decision.start, delayMs: decision.delayMs, error: String(error) });
      this.#components.onRestart?.(failed.spec.id, error);
      await this.#stopChildren(decision.stop.map((id) => this.#child(id)));
      const starting = decision.start.map((id) => this.#child(id));
      for (const child of starting) child.state = 'restarting';
      try {
        await delay(clock, decision.delayMs, this.#stopping.signal);
        for (const child of starting) {
          failed = child;
          await this.#startChild(child);
          child.restarts++;
          if (this.#stopping.signal.aborted) return;
        }
        return;
      } catch (cause) {
        if (this.#stopping.signal.aborted) return;
        error = MaculaError.from(cause);
      }
    }
  }

  async #giveUp(failed: Child, error: Error, restarts: number): Promise<void> {
    await this.#stopChildren([...this.#children].reverse());
    const reason = `${failed.spec.id} failed ${restarts + 1} times in a row, last with: ${error.message}`;
    this.#onFailure(new MaculaError('MACULA_UNEXPECTED', reason, { cause: error, details: { subsystem: failed.spec.id } }));
  }

  #child(id: string): Child {
    return this.#children.find((child) => child.spec.id === id)!;
  }
}
