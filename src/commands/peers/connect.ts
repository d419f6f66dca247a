import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { timeoutFlag } from '../../cli/flags.js';
import { shortId } from '../../cli/text.js';

const connectTimeoutMs = 15_000;

export default class PeersConnectCommand extends ClientCommand {
  static override summary = 'Connect the node to a peer and keep it connected';
  static override examples = [
    { description: 'By URL', command: '<%= config.bin %> <%= command.id %> https://192.0.2.7:4433' },
    { description: 'By address', command: '<%= config.bin %> <%= command.id %> 192.0.2.7:4433 --timeout 5s' },
  ];
  static override args = {
    peer: string({ description: 'URL (https://host:port, macula://id@host:port), host:port or node id', required: true, ignoreStdin: true }),
  };
  static override flags = {
    direct: boolean({ description: 'Wait until packets go directly; exit with 8 when they still take a relay at the end' }),
    timeout: timeoutFlag('How long to wait until it is connected', connectTimeoutMs),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PeersConnectCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, connectTimeoutMs);
    const result = await this.withClient(flags, (client) => client.connectPeer({ target: args.peer, timeoutMs, direct: flags.direct }, this.signal));
    const where = result.address === null ? '' : ` at ${result.address}`;
    this.output.result(result, () => `connected to ${shortId(result.nodeId)}${where}, ${result.path}\n${result.nodeId}`);
  }
}
