/**
 * one_for_one: a failed child is restarted alone. rest_for_one: the children started after it depend on it and
 * are restarted with it.
 */
export type SupervisorStrategy = 'one_for_one' | 'rest_for_one';

export interface SupervisorPolicy {
  readonly strategy: SupervisorStrategy;
  /** More restarts than this within `withinMs` and the supervisor gives up (restart intensity). */
  readonly maxRestarts: number;
  readonly withinMs: number;
  /** Pause before the second restart within the period; doubles with each further one. The first is immediate. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

/** What to do about a failed child. */
export type SupervisorDecision =
  | { readonly kind: 'restart'; /** in stopping order */ readonly stop: readonly string[]; /** in starting order */ readonly start: readonly string[]; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly restarts: number };

/**
 * Decides about failed children after the rules of Erlang/OTP supervisors, with a growing pause between restarts.
 * @param children ids in starting order
 */
export class SupervisorCore {
  readonly #children: readonly string[];
  readonly #policy: SupervisorPolicy;
  #restartsAtMs: number[] = [];

  constructor(children: readonly string[], policy: SupervisorPolicy) {
    this.#children = children;
    this.#policy = policy;
  }

  /** @param nowMs monotonic time of the failure */
  failed(child: string, nowMs: number): SupervisorDecision {
    const { strategy, maxRestarts, withinMs, backoffMinMs, backoffMaxMs } = this.#policy;
    this.#restartsAtMs = this.#restartsAtMs.filter((atMs) => nowMs - atMs < withinMs);
    const recent = this.#restartsAtMs.length;
    if (recent >= maxRestarts) return { kind: 'give-up', restarts: recent };
    this.#restartsAtMs.push(nowMs);
    const index = this.#children.indexOf(child);
    const start = strategy === 'one_for_one' ? [child] : this.#children.slice(index);
    const delayMs = recent === 0 ? 0 : Math.min(backoffMaxMs, backoffMinMs * 2 ** (recent - 1));
    return { kind: 'restart', stop: [...start].reverse(), start, delayMs };
  }
}
