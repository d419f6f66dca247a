import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { nodesText } from '../../cli/dht-text.js';

export default class DhtNodesCommand extends ClientCommand {
  static override summary = 'List the routing table, closest nodes first';
  static override examples = [
    { description: 'For people', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json' },
  ];
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { flags } = await this.parse(DhtNodesCommand);
    const result = await this.withClient(flags, (client) => client.dhtNodes(this.signal), this.timeoutMs(flags.timeout));
    this.output.result(result, () => nodesText(result));
  }
}
