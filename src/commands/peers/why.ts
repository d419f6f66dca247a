import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { peerIdArgument } from '../../cli/peer-arguments.js';
import { whyText } from '../../cli/why-text.js';

export default class PeersWhyCommand extends ClientCommand {
  static override summary = 'Explain why packets to a peer go directly or through a relay';
  static override description = 'Shows the NATs of both sides, the addresses tried, what became of each attempt at a direct path, and what to do.';
  static override examples = [{ description: 'By the beginning of its id', command: '<%= config.bin %> <%= command.id %> 3f9a2c41' }];
  static override args = { id: peerIdArgument };
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PeersWhyCommand);
    const result = await this.withClient(flags, (client) => client.whyPeer({ nodeId: args.id }, this.signal), this.timeoutMs(flags.timeout));
    this.output.result(result, () => whyText(result));
  }
}
