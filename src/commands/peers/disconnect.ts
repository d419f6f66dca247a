import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { peerIdArgument } from '../../cli/peer-arguments.js';

export default class PeersDisconnectCommand extends ClientCommand {
  static override summary = 'Close the connections to a peer and stop dialling it';
  static override examples = [{ description: 'By the beginning of its id', command: '<%= config.bin %> <%= command.id %> 3f9a2c41' }];
  static override args = { id: peerIdArgument };
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PeersDisconnectCommand);
    const result = await this.withClient(flags, (client) => client.disconnectPeer({ nodeId: args.id }, this.signal), this.timeoutMs(flags.timeout));
    this.output.result(result, () => `disconnected from ${result.nodeId}`);
  }
}
