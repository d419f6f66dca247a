import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.js';

export default class HelpCommand extends BaseCommand {
  static override summary = 'Show the help of a command';
  static override description = 'Needs no running node.';
  static override examples = [
    { description: 'All commands', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'One command', command: '<%= config.bin %> <%= command.id %> peers list' },
  ];
  static override args = { command: string({ description: 'Command or topic', ignoreStdin: true }) };
  static override strict = false;

  async run(): Promise<void> {
    const { argv } = await this.parse(HelpCommand);
    const { showHelp } = await import('../cli/help.js');
    await this.config.load();
    await showHelp(this.config, this.output, argv.length === 0 ? undefined : argv.join(':'));
  }
}
