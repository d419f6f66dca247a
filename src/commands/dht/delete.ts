import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs, given, keyArgument, writeFlags } from '../../cli/dht-arguments.js';
import { storeText } from '../../cli/dht-text.js';

export default class DhtDeleteCommand extends ClientCommand {
  static override summary = 'Remove the value under a key, confirmed by the nodes that hold it';
  static override description = 'Exits as dht put does; removing what is not there is no failure.';
  static override examples = [
    { description: 'Whatever is there', command: '<%= config.bin %> <%= command.id %> motd' },
    { description: 'Only if nobody has changed it', command: '<%= config.bin %> <%= command.id %> motd --expect-seq 1767225600000' },
  ];
  static override args = { key: keyArgument };
  static override flags = { ...writeFlags, timeout: dhtTimeout };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DhtDeleteCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, dhtTimeoutMs);
    const options = given({ minReplicas: flags['min-replicas'], expectedSequence: flags['expect-seq'] });
    const result = await this.withClient(flags, (client) => client.dhtDelete({ key: args.key, ...options, owned: flags.owned, timeoutMs }, this.signal));
    this.output.result(result, () => storeText('deleted', result));
  }
}
