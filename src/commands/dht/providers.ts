import { boolean, option } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs, nameArgument } from '../../cli/dht-arguments.js';
import { providersText } from '../../cli/dht-text.js';
import { described } from '../../cli/flags.js';

export default class DhtProvidersCommand extends ClientCommand {
  static override summary = 'List the nodes that serve a procedure or a topic';
  static override description = 'Exits with 4 when there are none.';
  static override examples = [
    { description: 'Of a procedure', command: '<%= config.bin %> <%= command.id %> math.add' },
    { description: 'Of a topic', command: '<%= config.bin %> <%= command.id %> weather --kind topic' },
  ];
  static override args = { name: nameArgument };
  static override flags = {
    kind: option({ description: described('What the name is of'), options: ['procedure', 'topic'] as const, default: 'procedure' })(),
    fresh: boolean({ description: described('Ask the network even if the node has the answer') }),
    timeout: dhtTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DhtProvidersCommand);
    const request = { name: args.name, kind: flags.kind, fresh: flags.fresh, timeoutMs: this.timeoutMs(flags.timeout, dhtTimeoutMs) };
    const result = await this.withClient(flags, (client) => client.dhtProviders(request, this.signal));
    this.output.result(result, () => providersText(result));
  }
}
