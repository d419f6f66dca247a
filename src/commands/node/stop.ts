import { ClientCommand } from '../../cli/client-command.js';
import { timeoutFlag } from '../../cli/flags.js';

const stopTimeoutMs = 30_000;

export default class NodeStopCommand extends ClientCommand {
  static override summary = 'Stop the node that runs here and wait until it has';
  static override description = 'The node finishes the requests under way, closes its connections and ends.';
  static override examples = [
    { description: 'Stop the node of this user', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Give it two minutes to finish its requests', command: '<%= config.bin %> <%= command.id %> --timeout 2m' },
  ];
  static override flags = { timeout: timeoutFlag('How long to wait until it has stopped', stopTimeoutMs) };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeStopCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, stopTimeoutMs);
    const result = await this.withClient(flags, (client) => client.stop(timeoutMs, this.signal));
    this.output.result(result, `stopped (process ${result.pid})`);
  }
}
