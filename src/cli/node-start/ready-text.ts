import { formatAddress } from '../../lib/base/address.js';
import { shellQuote } from '../../lib/identity/identity-paths.js';
import type { NodeReadyInfo } from '../../lib/node/run-node.js';
import { facts, printable } from '../text.js';

export interface ReadyTextSettings {
  /** The command line as it would be typed. */
  readonly command: string;
  /** Flags that make other commands find this node, as they would be typed; empty for the default node. */
  readonly locationFlags: readonly string[];
  /** Where a node in the background logs to. */
  readonly logFile?: string;
}

/** What `macula node start` prints once the node serves; the last line is `ready`. */
export function readyText(info: NodeReadyInfo, settings: ReadyTextSettings): string {
  const about = facts([
    ['node', info.nodeId],
    ['realm', printable(info.realm)],
    ['listens on', info.listen.map((address) => `udp ${formatAddress(address)}`).join(', ')],
    ['control socket', info.controlSocket],
    ['metrics', info.metricsUrl ?? 'off'],
    ['log', settings.logFile],
  ]);
  const location = settings.locationFlags.map((flag) => ` ${shellQuote(flag)}`).join('');
  const next = ['node status', 'peers list --watch', ...(settings.logFile === undefined ? [] : ['node stop'])];
  const where = settings.logFile === undefined ? 'Try next, in another terminal:' : 'Try next:';
  return [`Macula ${info.version}`, about, '', where, ...next.map((command) => `  ${settings.command} ${command}${location}`), '', 'ready'].join('\n');
}
