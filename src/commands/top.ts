import { integer } from '@oclif/core/flags';
import { answerTimeout, ClientCommand } from '../cli/client-command.js';
import { described, duration } from '../cli/flags.js';
import { plainSnapshot } from '../cli/top/top-layout.js';
import { TopHistory, type TopView } from '../cli/top/top-view.js';
import { pause, takeSnapshot } from '../cli/top/watch-node.js';
import { MaculaError } from '../lib/base/errors.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import type { ControlClient } from '../lib/control/client.js';

const defaultIntervalMs = 1000;
/** Asking more often than this would show mostly itself. */
const leastIntervalMs = 100;
/** Wide enough for every column but the pictures. */
const plainWidth = 120;

export default class TopCommand extends ClientCommand {
  static override summary = 'Watch the node: peers with path and round trip, traffic, calls, messages, DHT, pool, warnings';
  static override description =
    'A dashboard on a terminal of at least 80 by 24: s sorts, / filters, arrows and return look into a peer, h shows all keys, q quits. Without a terminal, or with --count, snapshots as text; with --json one object a line. Rates and percentiles are those of the last interval.';
  static override examples = [
    { description: 'The dashboard', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'One snapshot as text', command: '<%= config.bin %> <%= command.id %> --count 1' },
    { description: 'A line of JSON every ten seconds', command: '<%= config.bin %> <%= command.id %> --json --interval 10s' },
  ];
  static override flags = {
    interval: duration({ char: 'i', description: described('Time between two looks, at least 100ms; 1s where absent') }),
    count: integer({ char: 'n', description: described('End after so many snapshots, which are text'), min: 1, helpValue: '<n>' }),
    timeout: answerTimeout,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(TopCommand);
    const intervalMs = flags.interval ?? defaultIntervalMs;
    if (intervalMs < leastIntervalMs) throw new MaculaError('MACULA_USAGE', `--interval is at least ${leastIntervalMs}ms, not ${intervalMs}ms`);
    const isDashboard = this.output.interactive && process.stdin.isTTY === true && process.env.TERM !== 'dumb' && flags.count === undefined;
    await this.withClient(flags, (client) => (isDashboard ? this.#dashboard(client, intervalMs) : this.#snapshots(client, intervalMs, flags.count ?? Infinity)), this.timeoutMs(flags.timeout));
    if (!isDashboard) this.signal.throwIfAborted();
  }

  /** The first look is what the first rates are counted from. */
  async #snapshots(client: ControlClient, intervalMs: number, count: number): Promise<void> {
    const history = new TopHistory();
    history.add(await takeSnapshot(client, this.signal));
    for (let taken = 0; taken < count; taken++) {
      await pause(intervalMs, this.signal);
      const view = history.add(await takeSnapshot(client, this.signal));
      this.output.result(jsonOf(view), () => `${plainSnapshot(view, plainWidth, isUnicode(process.env))}${taken + 1 < count ? '\n\n' : ''}`);
    }
  }

  async #dashboard(client: ControlClient, intervalMs: number): Promise<void> {
    const history = new TopHistory();
    // Fails as every command does where there is no node to begin with.
    let view = history.add(await takeSnapshot(client, this.signal));
    const { showDashboard } = await import('../cli/top/app.js');
    const quit = new AbortController();
    const ended = AbortSignal.any([this.signal, quit.signal]);
    const subscribe = (listener: (view: TopView | undefined, trouble: string | undefined) => void): (() => void) => {
      const stop = new AbortController();
      const signal = AbortSignal.any([ended, stop.signal]);
      listener(view, undefined);
      void (async () => {
        for (;;) {
          await pause(intervalMs, signal);
          if (signal.aborted) return;
          try {
            view = history.add(await takeSnapshot(client, signal));
            listener(view, undefined);
          } catch (error) {
            if (!signal.aborted) listener(undefined, `${MaculaError.from(error).message.split(';', 1)[0]!}; trying again`);
          }
        }
      })();
      return () => stop.abort();
    };
    const interrupt = (): void => {
      this.exitCode = ExitCode.interrupted;
      quit.abort();
    };
    await showDashboard({ subscribe, interrupt }, { colour: this.output.coloured, unicode: isUnicode(process.env) }, ended);
    quit.abort();
    if (this.signal.aborted) this.exitCode = ExitCode.interrupted;
  }
}

/** What scripts get: everything but the histories that pictures are drawn from. */
function jsonOf({ wallMs, status, traffic: { history: _, ...traffic }, rows, ...view }: TopView): object {
  const peers = rows.map(({ peer, sentPerSecond, receivedPerSecond }) => ({ ...peer, sentPerSecond, receivedPerSecond }));
  const { nodeId, state, uptimeSeconds, warnings } = status;
  return { at: new Date(wallMs).toISOString(), nodeId, state, uptimeSeconds, paths: status.peers, traffic, ...view, dht: { ...status.dht, ...view.dht }, warnings, peers };
}

/** Whether the terminal is set to show more than ASCII. */
function isUnicode({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}
