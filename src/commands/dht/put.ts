import { string } from '@oclif/core/args';
import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs, given, keyArgument, writeFlags } from '../../cli/dht-arguments.js';
import { storeText } from '../../cli/dht-text.js';
import { described, duration } from '../../cli/flags.js';
import { readValue } from '../../cli/value-argument.js';

export default class DhtPutCommand extends ClientCommand {
  static override summary = 'Store a value under a key, confirmed by the nodes that hold it';
  static override description = 'Exits with 8 when fewer replicas confirmed than were needed, and with 7 when a newer value is there or every replica refused; the error says what each replica answered.';
  static override examples = [
    { description: 'Text', command: '<%= config.bin %> <%= command.id %> motd "good morning"' },
    { description: 'A file, for an hour', command: '<%= config.bin %> <%= command.id %> hosts @/etc/hosts --ttl 1h' },
    { description: 'What a program prints', command: 'date | <%= config.bin %> <%= command.id %> now -' },
    { description: 'Only if there is none yet', command: '<%= config.bin %> <%= command.id %> leader me --expect-seq 0' },
  ];
  static override args = {
    key: keyArgument,
    value: string({ description: 'The value, @file for the content of a file, or - for stdin; at most 64 KiB', required: true, ignoreStdin: true }),
  };
  static override flags = {
    ttl: duration({ description: described('How long it is kept, at most 7d; 24h where absent') }),
    ...writeFlags,
    timeout: dhtTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DhtPutCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, dhtTimeoutMs);
    const value = await readValue(args.value, () => process.stdin);
    const options = given({ ttlMs: flags.ttl, minReplicas: flags['min-replicas'], expectedSequence: flags['expect-seq'] });
    const request = { key: args.key, ...value, ...options, owned: flags.owned, timeoutMs };
    const result = await this.withClient(flags, (client) => client.dhtPut(request, this.signal));
    this.output.result(result, () => storeText('stored', result));
  }
}
