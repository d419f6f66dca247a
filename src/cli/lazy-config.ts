import { Config } from '@oclif/core/config';
import type { Hook, Hooks } from '@oclif/core/interfaces';
import type { PackageInfo } from './package-info.js';

/**
 * oclif's configuration with as much as running a command takes. Reading the manifest, the user's shell and theme
 * doubles the start-up time of a client command, so that is left to {@link load}, which help and completion call.
 */
export class LazyConfig extends Config {
  constructor({ root, version, pjson }: PackageInfo) {
    super({ root, pjson });
    this.pjson = pjson;
    this.root = root;
    this.version = version;
    this.name = pjson.name;
    this.bin = pjson.oclif.bin ?? pjson.name;
    this.topicSeparator = ' ';
    this.userAgent = `${pjson.name}/${version}`;
  }

  /** Macula has neither plugins nor hooks. */
  override async runHook<Name extends keyof Hooks>(_event: Name): Promise<Hook.Result<Hooks[Name]['return']>> {
    return { successes: [], failures: [] };
  }
}
