import type { ConfigSources } from '../../../src/lib/config/locations.js';

/** A user `ada` on Linux with no configuration, changed by what a test says. `files` maps paths to contents. */
export function sourcesWith(changes: Partial<ConfigSources> & { files?: Record<string, string> } = {}): ConfigSources {
  const { files = {}, ...rest } = changes;
  return {
    flags: {},
    env: {},
    cwd: '/cwd',
    home: '/home/ada',
    uid: 1000,
    platform: 'linux',
    readFile: (path) => {
      if (Object.hasOwn(files, path)) return files[path]!;
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
    },
    ...rest,
  };
}
