import { boolean, integer } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { described, duration, timeoutFlag } from '../../cli/flags.js';
import { peerIdArgument } from '../../cli/peer-arguments.js';
import { PingSummary } from '../../cli/ping-summary.js';
import { pingText } from '../../cli/peer-text.js';
import { MaculaError } from '../../lib/base/errors.js';

const defaultIntervalMs = 1000;
const pingTimeoutMs = 5000;

export default class PeersPingCommand extends ClientCommand {
  static override summary = 'Measure round trips to a peer and name the path each took';
  static override description = 'Exits with 5 when no ping was answered, and with 8 when --until-direct ended without a direct path.';
  static override examples = [
    { description: 'Four times', command: '<%= config.bin %> <%= command.id %> 3f9a2c41' },
    { description: 'Until the connection is direct, at most 30 times', command: '<%= config.bin %> <%= command.id %> 3f9a2c41 --until-direct --count 30' },
  ];
  static override args = { id: peerIdArgument };
  static override flags = {
    count: integer({ char: 'c', description: 'How many pings; 4 where absent, 10 with --until-direct', min: 1, max: 1_000_000, helpValue: '<n>' }),
    interval: duration({ char: 'i', description: described('Pause between pings; 1s where absent') }),
    'until-direct': boolean({ description: 'Stop at the first answer over a direct path' }),
    timeout: timeoutFlag('How long to wait for each answer', pingTimeoutMs),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PeersPingCommand);
    const summary = new PingSummary();
    const request = {
      nodeId: args.id,
      count: flags.count ?? (flags['until-direct'] ? 10 : 4),
      intervalMs: flags.interval ?? defaultIntervalMs,
      timeoutMs: this.timeoutMs(flags.timeout, pingTimeoutMs),
      untilDirect: flags['until-direct'],
    };
    try {
      await this.withClient(flags, async (client) => {
        for await (const result of client.pingPeer(request, this.signal)) {
          summary.add(result);
          this.output.result(result, () => pingText(args.id, result));
        }
      });
    } finally {
      if (summary.sent > 0) this.output.result({ summary: summary.toJSON() }, () => summary.text());
    }
    this.signal.throwIfAborted();
    if (summary.answered === 0) throw new MaculaError('MACULA_TIMED_OUT', `no answer from ${args.id}`, { hint: 'See `macula peers list` for its state.' });
    if (flags['until-direct'] && !summary.direct) throw new MaculaError('MACULA_NOT_DIRECT', `no direct path to ${args.id} after ${summary.sent} pings`, { hint: `\`macula peers why ${args.id}\` says what was tried.` });
  }
}
