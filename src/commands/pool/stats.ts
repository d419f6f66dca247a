import { boolean } from '@oclif/core/flags';
import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { described } from '../../cli/flags.js';
import { poolText } from '../../cli/pool-text.js';

export default class PoolStatsCommand extends ClientCommand {
  static override summary = 'Show the connection pool: its size, how often it had what was asked for, and what it let go';
  static override examples = [
    { description: 'The numbers', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Every connection, too', command: '<%= config.bin %> <%= command.id %> --connections' },
  ];
  static override flags = {
    connections: boolean({ description: described('List every connection') }),
    timeout: answerTimeout,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(PoolStatsCommand);
    const stats = await this.withClient(flags, (client) => client.poolStats(flags.connections, this.signal), this.timeoutMs(flags.timeout));
    this.output.result(stats, () => poolText(stats));
  }
}
