import type { RandomSource } from '../base/random.js';
import type { ProviderState } from './provider-state.js';

/**
 * Chooses a provider by the power of two choices (Mitzenmacher 2001): of two taken at random the one with the lower expected cost.
 * Those tried before, paused or behind an open breaker come only when there is nobody else; if everybody is out, one of them is
 * tried anyway.
 * @param tried providers this call was already sent to
 * @returns undefined where there are no providers at all
 */
export function chooseProvider(providers: readonly ProviderState[], tried: readonly ProviderState[], nowMs: number, random: RandomSource): ProviderState | undefined {
  const count = providers.length;
  if (count === 0) return undefined;
  if (tried.length === 0) {
    // The common case, without allocating anything.
    if (count === 1) return providers[0];
    const first = random.integer(count);
    const second = (first + 1 + random.integer(count - 1)) % count;
    const [a, b] = [providers[first]!, providers[second]!];
    if (a.isOpenTo(nowMs) && b.isOpenTo(nowMs)) return cheaper(a, b, nowMs);
  }
  const untried = providers.filter((provider) => !tried.includes(provider));
  const open = (list: readonly ProviderState[]): readonly ProviderState[] => list.filter((provider) => provider.isOpenTo(nowMs));
  const choices = [open(untried), untried, open(providers), providers].find((list) => list.length > 0)!;
  return ofTwo(choices, nowMs, random);
}

function ofTwo(choices: readonly ProviderState[], nowMs: number, random: RandomSource): ProviderState {
  if (choices.length === 1) return choices[0]!;
  const first = random.integer(choices.length);
  const second = (first + 1 + random.integer(choices.length - 1)) % choices.length;
  return cheaper(choices[first]!, choices[second]!, nowMs);
}

function cheaper(a: ProviderState, b: ProviderState, nowMs: number): ProviderState {
  const [costA, costB] = [a.cost(nowMs), b.cost(nowMs)];
  if (costA !== costB) return costA < costB ? a : b;
  return b.inFlight < a.inFlight ? b : a;
}
