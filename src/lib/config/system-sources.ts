import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { ConfigSources } from './locations.js';

/** This process's own environment, to read settings from. @param flags parsed flags, by their names without dashes */
export function systemSources(flags: Readonly<Record<string, unknown>>): ConfigSources {
  return {
    flags,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    uid: process.getuid?.(),
    platform: process.platform,
    readFile: (path) => readFileSync(path, 'utf8'),
  };
}
