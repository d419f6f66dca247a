import { MaculaError } from '../lib/base/errors.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import type { CommandContext } from './base-command.js';
import { commandError, reportError } from './command-errors.js';
import { findTarget, readCommandLine, type CommandLine, type Target } from './command-line.js';
import { commandTable } from './command-table.js';
import { Interrupt } from './interrupt.js';
import { LazyConfig } from './lazy-config.js';
import { colourWanted, Output } from './output.js';
import { readPackageInfo } from './package-info.js';
import { nearestName } from '../lib/config/nearest-name.js';

interface Run {
  readonly line: CommandLine;
  readonly context: CommandContext;
  readonly config: LazyConfig;
}

/**
 * The command line: runs the command `argv` names and ends the process with its exit code (docs/CLI.md).
 * @param root directory of package.json
 */
export async function main(argv: readonly string[], root: string): Promise<void> {
  const { env } = process;
  const line = readCommandLine(argv);
  const colour = colourWanted(argv, env);
  // oclif's help colours by itself and knows the variable, but not the flag.
  if (!colour) env.NO_COLOR = '1';
  const output = new Output(process, { json: line.json, colour });
  const interrupt = new Interrupt();
  interrupt.listen();
  mindOutputErrors({ interrupt, output, env });
  let exitCode: number = ExitCode.done;
  try {
    exitCode = await start(line, { output, interrupt, env, root });
  } catch (error) {
    const shown = commandError(error, '');
    reportError(shown, output, env);
    exitCode = shown.exitCode;
  }
  await output.flush();
  process.exit(exitCode);
}

/**
 * What becomes of output that cannot be written. `macula … | head -1`: a reader that has seen enough is no failure. A full disk
 * is one. A node goes on without anybody who takes its log. oclif's own listeners throw, so they are put aside.
 */
function mindOutputErrors({ interrupt, output, env }: Pick<CommandContext, 'interrupt' | 'output' | 'env'>): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error');
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (interrupt.isPatient) return;
      if (error.code === 'EPIPE') process.exit(ExitCode.done);
      if (stream === process.stderr) return;
      const failure = new MaculaError('MACULA_OUTPUT_FAILED', `the result could not be written: ${error.message}`, { cause: error });
      reportError(failure, output.forPeople(), env);
      process.exit(failure.exitCode);
    });
  }
}

async function start(line: CommandLine, context: Omit<CommandContext, 'version'>): Promise<ExitCode> {
  const info = readPackageInfo(context.root);
  const { root, version } = info;
  if (line.version) {
    context.output.result({ version, node: process.versions.node, platform: `${process.platform}-${process.arch}` }, `macula ${version}`);
    return ExitCode.done;
  }
  const run: Run = { line, config: new LazyConfig(info), context: { ...context, root, version } };
  return runTarget(run, findTarget(line.words, Object.keys(commandTable)));
}

async function runTarget(run: Run, target: Target): Promise<ExitCode> {
  if (target.kind === 'unknown') throw unknownCommand(target.words);
  if (target.kind === 'command' && !run.line.help) return runCommand(run, target.id, [...target.args, ...run.line.rest]);
  await showInstead(run, target);
  return ExitCode.done;
}

/** Help of what was named, or what to do first. */
async function showInstead(run: Run, target: Exclude<Target, { kind: 'unknown' }>): Promise<void> {
  const { showHelp, showWelcome } = await import('./help.js');
  await run.config.load();
  if (target.kind === 'command') return showHelp(run.config, run.context.output, target.id);
  if (target.kind === 'topic') return showHelp(run.config, run.context.output, target.topic);
  if (run.line.help) return showHelp(run.config, run.context.output, undefined);
  const unknown = run.line.rest.find((argument) => !['--json', '--no-color'].includes(argument));
  if (unknown !== undefined) throw new MaculaError('MACULA_USAGE', `there is no command before ${unknown}`, { hint: 'Run `macula --help`.' });
  showWelcome(run.config, run.context.output);
}

async function runCommand(run: Run, id: string, argv: string[]): Promise<ExitCode> {
  const { default: Command } = await commandTable[id]!();
  mindOutputErrors(run.context);
  try {
    const command = new Command(argv, run.config);
    await command.execute(run.context);
    return command.exitCode;
  } catch (error) {
    throw commandError(error, id.replaceAll(':', ' '));
  }
}

function unknownCommand(words: readonly string[]): MaculaError {
  const commands = Object.keys(commandTable).map((id) => id.replaceAll(':', ' '));
  // The words may go on with arguments, so each command is compared with as many words as it has.
  const written = (command: string): string => words.slice(0, command.split(' ').length).join(' ');
  const suggestion = commands.find((command) => nearestName(written(command), [command]) === command && nearestName(written(command), commands) === command);
  return new MaculaError('MACULA_USAGE', `unknown command: macula ${words.join(' ')}`, {
    hint: suggestion === undefined ? 'Run `macula --help` for the list of commands.' : `Did you mean \`macula ${suggestion}\`?`,
    details: { command: words.join(' '), ...(suggestion !== undefined && { suggestion }) },
  });
}
