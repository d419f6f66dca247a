import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';

type BackoffSettings = Pick<Settings, 'reconnectMinMs' | 'reconnectMaxMs'>;

/** A refusal rarely ends before somebody changes a setting; a minute is soon enough to notice. */
const refusalPauseMs = 60_000;

/**
 * Pause before the next dial, milliseconds: anywhere between reconnectMinMs and a ceiling that doubles with each
 * failure up to reconnectMaxMs, so that nodes that lost the same peer do not come back in step.
 * @param failures in a row, at least 1
 */
export function backoffMs(failures: number, random: RandomSource, { reconnectMinMs, reconnectMaxMs }: BackoffSettings): number {
  const ceilingMs = Math.max(reconnectMinMs, Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(failures, 30)));
  return reconnectMinMs + random.float() * (ceilingMs - reconnectMinMs);
}

/** Pause before a peer that refused, or was refused, is asked again, milliseconds: a minute (or reconnectMaxMs) and up to half more. */
export function refusalMs(random: RandomSource, { reconnectMaxMs }: BackoffSettings): number {
  return Math.max(refusalPauseMs, reconnectMaxMs) * (1 + random.float() / 2);
}
