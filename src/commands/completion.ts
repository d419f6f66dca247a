import { string } from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.js';
import { completionScript, shellSetup, shells, type Shell } from '../cli/completion.js';

export default class CompletionCommand extends BaseCommand {
  static override summary = 'Print a script that completes commands and flags in the shell';
  static override description = `The script holds all names itself, so completing starts no process. Needs no running node.

bash: add \`source <(macula completion bash)\` to ~/.bashrc
zsh:  add \`source <(macula completion zsh)\` to ~/.zshrc, after compinit
fish: run \`macula completion fish > ~/.config/fish/completions/macula.fish\``;
  static override examples = [
    { description: 'Complete in this bash from now on', command: 'source <(<%= config.bin %> <%= command.id %> bash)' },
    { description: 'Install for fish', command: '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/macula.fish' },
  ];
  static override args = { shell: string({ description: 'Shell', required: true, options: [...shells], ignoreStdin: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(CompletionCommand);
    await this.config.load();
    const shell = args.shell as Shell;
    const commands = this.config.commands
      .filter(({ hidden }) => !hidden)
      .map(({ id, summary, flags }) => ({ words: id.split(':'), summary: summary ?? '', flags: Object.values(flags).map(({ name }) => name) }));
    const script = completionScript(shell, commands);
    this.output.result({ shell, script, setup: shellSetup[shell] }, script);
  }
}
