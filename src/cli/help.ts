import type { Config } from '@oclif/core/config';
import { Help } from '@oclif/core/help';
import { MaculaError } from '../lib/base/errors.js';
import type { Output } from './output.js';
import { columns } from './text.js';

/** oclif's help pages, printed like everything else. */
class MaculaHelp extends Help {
  readonly #output: Output;

  constructor(config: Config, output: Output) {
    super(config, { ...config.pjson.oclif.helpOptions });
    this.#output = output;
  }

  /** oclif's own choice of a subject takes `help` for a flag. */
  async showSubject(subject: string | undefined): Promise<void> {
    if (subject === undefined) return this.showRootHelp();
    const command = this.config.findCommand(subject);
    if (command) return this.showCommandHelp(command);
    await this.showTopicHelp(this.config.findTopic(subject, { must: true }));
  }

  protected override log(...lines: string[]): void {
    for (const line of lines) this.#output.text(line);
  }
}

/**
 * Shows the help of a command, of a topic, or of all. With --json: the commands it covers with their flags.
 * @param subject oclif's id of a command or topic, `peers:list`
 * @throws MaculaError MACULA_USAGE there is no such command or topic
 */
export async function showHelp(config: Config, output: Output, subject: string | undefined): Promise<void> {
  if (subject !== undefined && !config.findCommand(subject) && !config.findTopic(subject)) {
    throw new MaculaError('MACULA_USAGE', `no help for ${subject.replaceAll(':', ' ')}: no such command`, {
      hint: 'Run `macula --help` for the list of commands.',
    });
  }
  if (output.json) return output.object({ commands: describeCommands(config, subject) });
  await new MaculaHelp(config, output).showSubject(subject);
}

/** What `macula` alone prints: what Macula is and what to do first. */
export function showWelcome(config: Config, output: Output): void {
  if (output.json) return output.object({ commands: describeCommands(config, undefined) });
  const bold = (text: string): string => output.style('bold', text);
  const first = columns([
    ['  macula node start', 'start a node here; it finds the others on this network by itself'],
    ['  macula node status', 'see what it does'],
    ['  macula peers list', 'see whom it is connected to'],
  ]);
  const next = columns([
    ['  macula node start --bootstrap https://HOST:4433', 'join the mesh of a node elsewhere'],
    ['  macula help', 'all commands'],
    ['  macula COMMAND --help', 'one command, with examples'],
  ]);
  output.text(`Macula ${config.version}: ${config.pjson.description ?? ''}\n\n${bold('First')}\n${first}\n\n${bold('Then')}\n${next}`);
}

interface CommandDescription {
  readonly command: string;
  readonly summary: string | undefined;
  readonly args: readonly string[];
  readonly flags: readonly string[];
}

function describeCommands(config: Config, subject: string | undefined): CommandDescription[] {
  return config.commands
    .filter(({ id, hidden }) => !hidden && (subject === undefined || id === subject || id.startsWith(`${subject}:`)))
    .map((command) => ({
      command: command.id.replaceAll(':', ' '),
      summary: command.summary,
      args: Object.keys(command.args),
      flags: Object.values(command.flags).map((flag) => `--${flag.name}`),
    }));
}
