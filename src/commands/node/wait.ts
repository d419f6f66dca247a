import { string } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { timeoutFlag } from '../../cli/flags.js';
import { delay } from '../../lib/base/abort.js';
import { systemClock } from '../../lib/base/clock.js';
import { MaculaError } from '../../lib/base/errors.js';
import { parseWaitCondition } from '../../lib/control/wait-condition.js';

const waitTimeoutMs = 30_000;
const retryMs = 100;

export default class NodeWaitCommand extends ClientCommand {
  static override summary = 'Wait until the node is ready, has enough peers, finds a key or can be reached';
  static override description = 'Also waits for a node that is still starting; exits with 3 when none has answered and with 5 when the condition did not hold in time.';
  static override examples = [
    { description: 'Until the node serves', command: '<%= config.bin %> <%= command.id %> --for ready' },
    { description: 'Until it has four peers, for at most a minute', command: "<%= config.bin %> <%= command.id %> --for 'peers>=4' --timeout 1m" },
    { description: 'Until another node has stored a value', command: '<%= config.bin %> <%= command.id %> --for key=motd' },
  ];
  static override flags = {
    for: string({ description: 'Condition: ready, peers>=N, key=K (a value can be read) or reachable', helpValue: '<condition>', default: 'ready' }),
    timeout: timeoutFlag('How long to wait', waitTimeoutMs),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeWaitCommand);
    parseWaitCondition(flags.for);
    const result = await this.#untilMet(flags, this.timeoutMs(flags.timeout, waitTimeoutMs));
    this.output.result(result, `${result.for}: met`);
  }

  /** A node that does not answer yet is asked again until the time is over. */
  async #untilMet(flags: { for: string; socket?: string; 'data-dir'?: string }, timeoutMs: number): Promise<{ met: true; for: string }> {
    const deadline = systemClock.nowMs() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(1, Math.round(deadline - systemClock.nowMs()));
      try {
        return await this.withClient(flags, (client) => client.wait(flags.for, leftMs, this.signal));
      } catch (error) {
        const mayAppear = error instanceof MaculaError && error.code === 'MACULA_NO_NODE';
        if (!mayAppear || systemClock.nowMs() + retryMs >= deadline) throw error;
        // The system clock's timers do not keep a process alive, and nothing else does here.
        const alive = setInterval(() => undefined, retryMs);
        await delay(systemClock, retryMs, this.signal).finally(() => clearInterval(alive));
      }
    }
  }
}
