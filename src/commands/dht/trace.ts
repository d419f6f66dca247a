import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs, given, keyArgument, ownerFlag } from '../../cli/dht-arguments.js';
import { traceStepText, traceSummaryText } from '../../cli/dht-text.js';

export default class DhtTraceCommand extends ClientCommand {
  static override summary = 'Show every request of a lookup with its time, and who holds the key';
  static override examples = [
    { description: 'One line a request', command: '<%= config.bin %> <%= command.id %> motd' },
    { description: 'One JSON object a request, and a summary with the ids of all holders', command: '<%= config.bin %> <%= command.id %> motd --json' },
  ];
  static override args = { key: keyArgument };
  static override flags = { owner: ownerFlag, timeout: dhtTimeout };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DhtTraceCommand);
    const request = { key: args.key, ...given({ owner: flags.owner }), timeoutMs: this.timeoutMs(flags.timeout, dhtTimeoutMs) };
    const { steps, ...summary } = await this.withClient(flags, (client) => client.dhtTrace(request, this.signal));
    for (const step of steps) this.output.result(step, () => traceStepText(step));
    this.output.result({ summary }, () => traceSummaryText(summary));
  }
}
