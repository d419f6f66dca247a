import { systemClock } from '../lib/base/clock.js';
import { findClientLocation } from '../lib/config/client-location.js';
import { systemSources } from '../lib/config/system-sources.js';
import { ControlClient } from '../lib/control/client.js';

export interface NodeClientSettings {
  /** Parsed flags; those that say where the node is are `socket` and `data-dir`. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** How long the node may take for what it can answer at once; undefined leaves it to MACULA_TIMEOUT. */
  readonly answerMs: number | undefined;
  readonly version: string;
}

/** A client of the node that flags and environment name. @throws MaculaError as findClientLocation does */
export function nodeClient({ flags, answerMs, version }: NodeClientSettings): ControlClient {
  const location = findClientLocation(systemSources(flags));
  return new ControlClient({ clock: systemClock }, { ...location, timeoutMs: answerMs ?? location.timeoutMs, version });
}
