import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { statusText } from '../../cli/status-text.js';
import { printable } from '../../cli/text.js';

export default class NodeStatusCommand extends ClientCommand {
  static override summary = 'Show the state of the node that runs here';
  static override examples = [
    { description: 'The node of this user', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json' },
  ];
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeStatusCommand);
    const status = await this.withClient(flags, (client) => client.status(this.signal), this.timeoutMs(flags.timeout));
    this.output.result(status, () => statusText(status));
    if (this.output.json) return;
    for (const { severity, message, fix } of status.warnings) {
      const text = `${printable(message)} ${printable(fix)}`;
      if (severity === 'low') this.output.remark(`Note: ${text}`);
      else this.output.warn(text);
    }
  }
}
