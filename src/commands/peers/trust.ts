import { string } from '@oclif/core/args';
import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { wholeTarget } from '../../cli/peer-arguments.js';
import { printable } from '../../cli/text.js';

export default class PeersTrustCommand extends ClientCommand {
  static override summary = 'Accept the identity a peer or URL shows now';
  static override description = 'For an id: the peer may connect again after `macula peers untrust`. For a URL: the identity found there now replaces the one remembered.';
  static override examples = [
    { description: 'A URL', command: '<%= config.bin %> <%= command.id %> https://192.0.2.7:4433' },
    { description: 'A node id', command: '<%= config.bin %> <%= command.id %> 8c1e5f0b7a4d29363f9a2c41d05be7768c1e5f0b7a4d29363f9a2c41d05be776' },
  ];
  static override args = { peer: string({ description: 'Node id, the beginning of the id of a peer (at least 8 characters), or URL', required: true, ignoreStdin: true }) };
  static override flags = { timeout: answerTimeout };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PeersTrustCommand);
    const result = await this.withClient(flags, async (client) => {
      const target = await wholeTarget(args.peer, client, this.signal);
      return client.trustPeer({ target }, this.signal);
    }, this.timeoutMs(flags.timeout));
    this.output.result(result, () => (result.nodeId === null ? `nobody answers at ${printable(args.peer)} now; the identity found there next is remembered` : `trusted: ${result.nodeId}`));
  }
}
