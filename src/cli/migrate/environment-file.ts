import { MaculaError } from '../../lib/base/errors.js';
import type { NodeConfiguration, Written } from './migration-finding.js';

const assignment = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*(?:=(.*))?$/;

/** Whether the first line that says anything is `NAME=value`, as in an environment file. */
export function looksLikeEnvironmentFile(text: string): boolean {
  const line = text.split('\n').find((each) => !/^\s*([#;].*)?$/.test(each));
  return line !== undefined && /^\s*(?:export\s+)?[A-Za-z_]\w*=/.test(line);
}

/** The value without its quotes; outside of quotes, ` #` begins a comment. */
function valueOf(written: string): string {
  const text = written.trim();
  const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(text);
  return quoted ? quoted[2]! : text.replace(/\s+#.*$/, '');
}

/**
 * Reads an environment file as Docker, systemd and shells write them: `NAME=value` lines, `export` before them, comments.
 * @param name what the file is called in messages
 * @throws MaculaError MACULA_INVALID_CONFIG
 */
export function readEnvironmentFile(text: string, name: string): NodeConfiguration {
  const variables = new Map<string, Written>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*([#;].*)?$/.test(line)) return;
    const found = assignment.exec(line);
    if (!found) {
      throw new MaculaError('MACULA_INVALID_CONFIG', `line ${index + 1} of ${name} is not NAME=value`, {
        hint: 'An environment file has one NAME=value a line; comments begin with #. A compose file is YAML.',
        details: { path: name, line: index + 1 },
      });
    }
    variables.set(found[1]!, { text: valueOf(found[2] ?? ''), line: index + 1 });
  });
  return { service: null, variables, container: undefined };
}
