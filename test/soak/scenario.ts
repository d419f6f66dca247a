import type { RandomSource } from '../../src/lib/base/random.js';

/** What a scenario gets. */
export interface SoakContext {
  readonly seed: number;
  /** Made from the seed, anew for each scenario. */
  readonly random: RandomSource;
  /** How long scenarios that can run for any time do; others take what they take. */
  readonly durationMs: number;
  /** Says how it goes. */
  progress(text: string): void;
}

/** A long trial of real nodes. Passing means that `run` resolves; what it resolves with is shown. */
export interface Scenario {
  readonly name: string;
  /** What must hold, in a sentence. */
  readonly about: string;
  /** Why it cannot run here, or undefined. */
  obstacle?(): string | undefined;
  run(context: SoakContext): Promise<Readonly<Record<string, string | number>>>;
}

/** Fails the scenario unless the condition holds. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Resolves once the condition holds. @throws Error when it does not within `limitMs` */
export async function becomes(condition: () => boolean | Promise<boolean>, what: string, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`${what}: not so within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
