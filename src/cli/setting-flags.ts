import { boolean, string } from '@oclif/core/flags';
import type { BooleanFlag, OptionFlag } from '@oclif/core/interfaces';
import { environmentName, settings, type SettingName } from '../lib/config/schema.js';
import type { Setting } from '../lib/config/setting.js';
import { described } from './flags.js';

type SettingFlag = OptionFlag<string | undefined> | BooleanFlag<boolean>;

/**
 * Flags of all settings that have one, and `--config`. Values stay text; the schema reads and checks them, so that
 * flag, variable and file obey the same rules.
 */
export function settingFlags(): Record<string, SettingFlag> {
  const flags: Record<string, SettingFlag> = {
    config: string({ description: described('Configuration file (JSON); config.json in the data directory where absent', 'MACULA_CONFIG'), helpValue: '<file>' }),
  };
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    if (setting.flag === undefined) continue;
    const description = described(setting.about.replace(/\.$/, ''), environmentName(name));
    flags[setting.flag] =
      typeof setting.default === 'boolean' ? boolean<boolean>({ description, allowNo: true }) : string({ description, helpValue: '<value>' });
  }
  return flags;
}
