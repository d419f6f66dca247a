import { boolean } from '@oclif/core/flags';
import { answerTimeout, ClientCommand } from '../../cli/client-command.js';
import { settingFlags } from '../../cli/setting-flags.js';
import { columns, printable } from '../../cli/text.js';
import { loadSettings } from '../../lib/config/load-settings.js';
import { systemSources } from '../../lib/config/system-sources.js';
import type { EffectiveConfig } from '../../lib/control/protocol.js';

export default class ConfigShowCommand extends ClientCommand {
  static override summary = 'Show every setting, its value and where the value comes from';
  static override description = 'Shows what a node started now, here and with these flags would use, and needs no running node. With --running: what the running node uses.';
  static override examples = [
    { description: 'Settings of a node started here', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'What a flag changes', command: '<%= config.bin %> <%= command.id %> --port 5000' },
    { description: 'Settings of the node that runs', command: '<%= config.bin %> <%= command.id %> --running' },
  ];
  static override needsNode = false;
  static override flags = {
    ...settingFlags(),
    running: boolean({ description: 'Ask the running node' }),
    timeout: answerTimeout,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigShowCommand);
    const config = flags.running
      ? await this.withClient(flags, (client) => client.config(this.signal), this.timeoutMs(flags.timeout))
      : ownConfig(flags);
    this.output.result(config, () => configText(config));
    if (!this.output.json) for (const { message } of config.warnings) this.output.warn(printable(message));
  }
}

function ownConfig(flags: Readonly<Record<string, unknown>>): EffectiveConfig {
  const { configFile, origins, warnings } = loadSettings(systemSources(flags));
  return { configFile: configFile ?? null, settings: origins, warnings: [...warnings] };
}

function configText({ settings, configFile }: EffectiveConfig): string {
  const rows = Object.entries(settings).map(([name, { value, source }]) => [name, value === '' ? '(empty)' : printable(value), source]);
  return `${columns([['SETTING', 'VALUE', 'FROM'], ...rows])}\n\nconfiguration file: ${configFile ?? 'none'}`;
}
