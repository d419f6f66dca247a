import { boolean, option } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { dhtTimeout, dhtTimeoutMs, given, keyArgument, ownerFlag } from '../../cli/dht-arguments.js';
import { described } from '../../cli/flags.js';
import { printableLines } from '../../cli/text.js';
import { bytesOfValue } from '../../cli/value-argument.js';

export default class DhtGetCommand extends ClientCommand {
  static override summary = 'Print the value under a key';
  static override description = 'Exits with 4 when there is none. A value that is no text is printed as base64, unless --raw writes its bytes.';
  static override examples = [
    { description: 'Text', command: '<%= config.bin %> <%= command.id %> motd' },
    { description: 'The exact bytes', command: '<%= config.bin %> <%= command.id %> picture --raw > picture.png' },
    { description: 'Who wrote it, and from where it was read', command: '<%= config.bin %> <%= command.id %> motd --json' },
  ];
  static override args = { key: keyArgument };
  static override flags = {
    raw: boolean({ description: described('Write the exact bytes and nothing else'), exclusive: ['json'] }),
    quorum: option({
      description: described('How sure to be: the first answer, the newest of three holders, or of most of the closest nodes'),
      options: ['one', 'newest', 'majority'] as const,
      default: 'newest',
    })(),
    fresh: boolean({ description: described('Ask the network even if the node has the answer') }),
    owner: ownerFlag,
    timeout: dhtTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DhtGetCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, dhtTimeoutMs);
    const request = { key: args.key, quorum: flags.quorum, fresh: flags.fresh, ...given({ owner: flags.owner }), timeoutMs };
    const result = await this.withClient(flags, (client) => client.dhtGet(request, this.signal));
    if (flags.raw) return this.output.bytes(bytesOfValue(result));
    this.output.result(result, () => (this.output.interactive ? printableLines(result.value) : result.value));
    if (!this.output.json && result.encoding === 'base64') this.output.remark('The value is no text and was printed as base64; --raw writes its bytes.');
  }
}
