import { boolean } from '@oclif/core/flags';
import { join } from 'node:path';
import { BaseCommand } from '../../cli/base-command.js';
import { timeoutFlag, timeoutOf } from '../../cli/flags.js';
import { startDetached } from '../../cli/node-start/detach.js';
import { ReadyFirstLog } from '../../cli/node-start/ready-first-log.js';
import { readyText } from '../../cli/node-start/ready-text.js';
import { settingFlags } from '../../cli/setting-flags.js';
import { MaculaError } from '../../lib/base/errors.js';
import { loadSettings, type LoadedSettings } from '../../lib/config/load-settings.js';
import { systemSources } from '../../lib/config/system-sources.js';
import { shellQuote } from '../../lib/identity/identity-paths.js';
import type { NodeReadyInfo } from '../../lib/node/run-node.js';

const readyTimeoutMs = 30_000;

export default class NodeStartCommand extends BaseCommand {
  static override summary = 'Start a node and run it until it is stopped';
  static override description = `Needs no configuration. The first start makes the node's key and certificate. Ctrl-C or SIGTERM lets requests under way finish and ends with 0; a second one ends at once.

The node writes its log to stderr, or with --json to stdout behind the ready object, one JSON object a line. Settings without a flag are set by environment variables and the configuration file: docs/CONFIGURATION.md.`;
  static override examples = [
    { description: 'A node on UDP port 4433', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Join the mesh of another node', command: '<%= config.bin %> <%= command.id %> --bootstrap https://192.0.2.7:4433' },
    { description: 'A second node on the same machine, in the background', command: '<%= config.bin %> <%= command.id %> --detach --data-dir /tmp/macula-b --port 0 --metrics-port 0' },
  ];
  static override flags = {
    ...settingFlags(),
    detach: boolean({ char: 'd', description: 'Run in the background; return once the node is ready' }),
    timeout: timeoutFlag('With --detach: how long to wait until it is ready', readyTimeoutMs),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeStartCommand);
    const loaded = loadSettings(systemSources({ ...flags }));
    if (flags.detach) await this.#detached(loaded, timeoutOf(flags.timeout, this.context.env, readyTimeoutMs));
    else await this.#foreground(loaded);
  }

  async #foreground(loaded: LoadedSettings): Promise<void> {
    const logStream = this.output.json ? new ReadyFirstLog(process) : undefined;
    this.context.interrupt.waitForCleanup();
    const { runNode } = await import('../../lib/node/run-node.js');
    const onReady = (info: NodeReadyInfo): void => {
      this.output.result({ event: 'ready', ...info }, () => readyText(info, { command: this.#ownName(), locationFlags: locationFlags(loaded) }));
      logStream?.release();
    };
    try {
      await runNode({ ...loaded, onReady, signal: this.signal, ...(logStream && { logStream }) });
    } catch (error) {
      logStream?.giveUp();
      throw error;
    }
  }

  async #detached(loaded: LoadedSettings, timeoutMs: number): Promise<void> {
    if (process.platform === 'win32') {
      throw new MaculaError('MACULA_USAGE', '--detach is not available on Windows', { hint: 'Run the node as a service.' });
    }
    const logFile = join(loaded.settings.dataDir, 'node.log');
    const args = ['node', 'start', '--json', ...this.argv.filter((argument) => !['--detach', '-d', '--json'].includes(argument))];
    const bin = join(this.context.root, 'bin', 'macula.js');
    const info = await startDetached({ bin, args, logFile, timeoutMs }, this.signal);
    this.output.result({ ...info, event: 'ready', logFile }, () => readyText(info, { command: this.#ownName(), locationFlags: locationFlags(loaded), logFile }));
  }

  /** Who came by `npm start` has nothing called macula in other terminals. */
  #ownName(): string {
    const { env, root } = this.context;
    return env.npm_lifecycle_event === 'start' ? shellQuote(join(root, 'bin', 'macula.js')) : 'macula';
  }
}

/** Flags that make other commands in the same shell find this node; variables do that by themselves. */
function locationFlags({ settings, origins }: LoadedSettings): string[] {
  const given = (name: 'dataDir' | 'socket'): boolean => !['environment', 'default'].includes(origins[name].origin);
  if (given('socket')) return ['--socket', settings.socket];
  return given('dataDir') ? ['--data-dir', settings.dataDir] : [];
}
