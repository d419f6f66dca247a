import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What a script can be told. */
export interface ScriptUsage<Known extends Options = Options> {
  /** As typed, without what follows: `npm run bench`. */
  readonly command: string;
  /** What it does, in a sentence or two. */
  readonly about: string;
  /** What it can be given by name, with a line on each. */
  readonly names: Readonly<Record<string, string>>;
  /** What the names are: `benchmark`. */
  readonly kind: string;
  /** By name; `about` says what for, `value` what it takes. */
  readonly options: { readonly [Name in keyof Known]: Known[Name] & { readonly about: string; readonly value?: string } };
  /** What follows the command in examples, and what that does. */
  readonly examples: Readonly<Record<string, string>>;
  /** Whether a word that is no name is one all the same. */
  readonly isWord?: (word: string) => boolean;
}

/** What a script was told. */
export interface ScriptArguments<Known extends Options> {
  readonly values: ReturnType<typeof parseArgs<{ options: Known; allowPositionals: true }>>['values'];
  readonly words: readonly string[];
}

/** What to do instead of running: print, and exit. */
export interface ScriptEnd {
  readonly exitCode: 0 | 2;
  readonly text: string;
}

/** Reads the arguments of a script: `--help` and what is wrong with them end it. */
export function readArguments<Known extends Options>(given: readonly string[], usage: ScriptUsage<Known>): ScriptArguments<Known> | ScriptEnd {
  const end = (problem: string, hint: string): ScriptEnd => ({ exitCode: 2, text: `Error: ${problem}\n  → ${hint}\n` });
  const askHelp = `\`${usage.command} -- --help\` says what there is.`;
  let parsed;
  try {
    parsed = parseArgs({ args: [...given], allowPositionals: true, options: { ...(usage.options as Options), help: { type: 'boolean', short: 'h', default: false } } });
  } catch (error) {
    // Node.js adds what to do about words that begin with a dash.
    return end((error as Error).message.split('. ')[0]!.replace(/\.$/, ''), askHelp);
  }
  if (parsed.values['help']) return { exitCode: 0, text: helpOf(usage as ScriptUsage) };
  const unknown = parsed.positionals.filter((word) => !Object.hasOwn(usage.names, word) && !usage.isWord?.(word));
  if (unknown.length > 0) return end(`there is no ${usage.kind} ${unknown.join(', ')}`, `There are: ${Object.keys(usage.names).join(', ')}`);
  return { values: parsed.values as unknown as ScriptArguments<Known>['values'], words: parsed.positionals };
}

/** As {@link readArguments}, for the process that runs: prints and exits where that is to be done. */
export function scriptArguments<Known extends Options>(usage: ScriptUsage<Known>): ScriptArguments<Known> {
  const read = readArguments(process.argv.slice(2), usage);
  if (!('exitCode' in read)) return read;
  (read.exitCode === 0 ? process.stdout : process.stderr).write(read.text);
  process.exit(read.exitCode);
}

function helpOf({ command, about, kind, names, options, examples }: ScriptUsage): string {
  const flags = Object.entries(options).map(([name, { value, about: what }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, what]);
  const shown = Object.entries(examples).map(([words, what]) => [`${command} -- ${words}`, what]);
  const sections: [string, string[][]][] = [[`${kind}s`, Object.entries(names)], ['options', [...flags, ['--help', 'says this']]], ['examples', shown]] as [string, string[][]][];
  return `${[about, ...sections.map(([title, lines]) => `${title}:\n${table(lines)}`)].join('\n\n')}\n`;
}

function table(lines: readonly string[][]): string {
  const width = Math.max(...lines.map(([left]) => left!.length));
  return lines.map(([left, right]) => `  ${left!.padEnd(width)}  ${right!}`).join('\n');
}
