/** A command line taken apart before any command is loaded. */
export interface CommandLine {
  /** Words that may name a command or topic, up to the first flag or `--`. */
  readonly words: readonly string[];
  /** Everything else, in order, with global flags that stood before the command. */
  readonly rest: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

const valueFlags = ['--socket', '--data-dir'];
const switches = ['--json', '--no-color'];

/**
 * Reads what concerns every command. Global flags may stand before the command's name, too. Nothing behind `--` is
 * looked at.
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const leading = leadingFlags(own);
  let next = leading;
  while (next < own.length && !own[next]!.startsWith('-')) next++;
  return {
    words: own.slice(leading, next),
    rest: [...argv.slice(0, leading), ...argv.slice(next)],
    json: own.includes('--json'),
    help: own.includes('--help') || own.includes('-h'),
    version: leading === next && (own[leading] === '--version' || own[leading] === '-v'),
  };
}

/** Number of arguments that are global flags before the first word. */
function leadingFlags(argv: readonly string[]): number {
  let index = 0;
  while (index < argv.length) {
    const argument = argv[index]!;
    if (switches.includes(argument) || valueFlags.some((flag) => argument.startsWith(`${flag}=`))) index += 1;
    else if (valueFlags.includes(argument)) index += 2;
    else break;
  }
  return Math.min(index, argv.length);
}

/** What the words of a command line name. */
export type Target =
  | { readonly kind: 'command'; readonly id: string; /** Words behind the command's name: its arguments. */ readonly args: readonly string[] }
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown'; readonly words: readonly string[] };

/** Finds the longest command the words begin with. Ids are oclif's, `peers:list`. */
export function findTarget(words: readonly string[], commandIds: readonly string[]): Target {
  if (words.length === 0) return { kind: 'nothing' };
  for (let length = words.length; length > 0; length--) {
    const id = words.slice(0, length).join(':');
    if (commandIds.includes(id)) return { kind: 'command', id, args: words.slice(length) };
  }
  const topic = words.join(':');
  if (commandIds.some((id) => id.startsWith(`${topic}:`))) return { kind: 'topic', topic };
  return { kind: 'unknown', words };
}
