import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { procedureListText } from '../../cli/rpc-text.js';

export default class RpcListCommand extends ClientCommand {
  static override summary = 'List the procedures the node serves, with calls, failures and times';
  static override description = 'Times are those of the last 256 answers.';
  static override examples = [
    { description: 'The table', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'For programs', command: '<%= config.bin %> <%= command.id %> --json' },
  ];
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { flags } = await this.parse(RpcListCommand);
    const list = await this.withClient(flags, (client) => client.rpcList(this.signal), this.timeoutMs(flags.timeout));
    this.output.result(list, () => procedureListText(list));
  }
}
