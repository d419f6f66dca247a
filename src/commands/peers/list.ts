import { boolean } from '@oclif/core/flags';
import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { peersText } from '../../cli/peer-text.js';

/** Back to the top left and clear what was below (ECMA-48 CUP, ED). */
const redraw = '\u001b[H\u001b[J';

export default class PeersListCommand extends ClientCommand {
  static override summary = 'List the peers of the node, one line each';
  static override examples = [
    { description: 'Once', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Again at each change, until Ctrl-C', command: '<%= config.bin %> <%= command.id %> --watch' },
    { description: 'One JSON object at each change', command: '<%= config.bin %> <%= command.id %> --watch --json' },
  ];
  static override flags = {
    watch: boolean({ char: 'w', description: 'Go on, and list them again at each change' }),
    timeout: answerTimeout,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(PeersListCommand);
    const timeoutMs = this.timeoutMs(flags.timeout);
    await this.withClient(flags, async (client) => {
      if (!flags.watch) {
        const list = await client.peers(this.signal);
        return this.output.result(list, () => peersText(list.peers));
      }
      for await (const list of client.watchPeers(this.signal)) {
        this.output.result(list, () => (this.output.interactive ? `${redraw}${peersText(list.peers)}` : `${peersText(list.peers)}\n`));
      }
    }, timeoutMs);
    this.signal.throwIfAborted();
  }
}
