import { boolean } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs } from '../../cli/dht-arguments.js';
import { described } from '../../cli/flags.js';
import { procedureArgument } from '../../cli/rpc-arguments.js';
import { procedureProvidersText } from '../../cli/rpc-text.js';

export default class RpcProvidersCommand extends ClientCommand {
  static override summary = 'List the nodes that serve a procedure, and what this node knows of each';
  static override description = 'Exits with 4 when there are none. A circuit is open while a provider is left alone after failures.';
  static override examples = [
    { description: 'Of a procedure', command: '<%= config.bin %> <%= command.id %> math.add' },
    { description: 'As the mesh has it now', command: '<%= config.bin %> <%= command.id %> math.add --fresh' },
  ];
  static override args = { procedure: procedureArgument };
  static override flags = {
    fresh: boolean({ description: described('Ask the network even if the node has the answer') }),
    timeout: dhtTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RpcProvidersCommand);
    const request = { procedure: args.procedure, fresh: flags.fresh, timeoutMs: this.timeoutMs(flags.timeout, dhtTimeoutMs) };
    const result = await this.withClient(flags, (client) => client.rpcProviders(request, this.signal));
    this.output.result(result, () => procedureProvidersText(result));
  }
}
