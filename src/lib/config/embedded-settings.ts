import { resolve } from 'node:path';
import { loadSettings } from './load-settings.js';
import type { Settings } from './schema.js';
import { systemSources } from './system-sources.js';

/**
 * Settings of a node embedded in a program: what is given, checked as in a configuration file, and defaults for the
 * rest. Neither flags nor environment count.
 * @throws MaculaError MACULA_INVALID_CONFIG with every wrong value in its details
 */
export function embeddedSettings(given: Partial<Settings>): Settings {
  const path = resolve('options of MaculaNode');
  const sources = systemSources({ config: path });
  return loadSettings({ ...sources, env: homeOf(sources.env), readFile: () => JSON.stringify(given) }).settings;
}

/** The variables that say where this user's data goes, and none of Macula's own. */
function homeOf(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return { XDG_DATA_HOME: env.XDG_DATA_HOME, LOCALAPPDATA: env.LOCALAPPDATA };
}
