import { string } from '@oclif/core/flags';
import { resolve } from 'node:path';
import { answerTimeoutMs, ClientCommand } from '../cli/client-command.js';
import { doctorText } from '../cli/doctor/doctor-text.js';
import { described, timeoutFlag } from '../cli/flags.js';
import { nodeClient } from '../cli/node-client.js';
import { settingFlags } from '../cli/setting-flags.js';
import { systemClock } from '../lib/base/clock.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import { systemRandom } from '../lib/base/random.js';
import { systemSources } from '../lib/config/system-sources.js';
import { refuseExisting, writeBundle } from '../lib/doctor/bundle.js';
import { countChecks } from '../lib/doctor/check.js';
import { diagnose } from '../lib/doctor/doctor.js';

export default class DoctorCommand extends ClientCommand {
  static override summary = 'Check everything a node here depends on, and say how to fix what is wrong';
  static override description =
    'Works with the node running and without one: then it checks what a node started here and with these flags would find. Exits with 0 unless a check failed; with 8 if one did. ' +
    'The archive of --bundle holds no key and no secret, but node ids, addresses and paths: look into it before you send it to anybody.';
  static override examples = [
    { description: 'The node here, or what keeps it from starting', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'As a monitor reads it', command: '<%= config.bin %> <%= command.id %> --json' },
    { description: 'An archive for a report about a bug', command: '<%= config.bin %> <%= command.id %> --bundle macula-doctor.tar.gz' },
  ];
  static override needsNode = false;
  static override flags = {
    ...settingFlags(),
    bundle: string({ description: described('Write what was found, status, settings without secrets, metrics, the end of the log and versions into this archive'), helpValue: '<file.tar.gz>' }),
    timeout: timeoutFlag('How long the node, and each bootstrap node, may take to answer', answerTimeoutMs),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(DoctorCommand);
    const timeoutMs = this.timeoutMs(flags.timeout);
    const bundle = flags.bundle === undefined ? undefined : resolve(flags.bundle);
    if (bundle !== undefined) refuseExisting(bundle);
    const { version } = this.context;
    const components = { clock: systemClock, random: systemRandom, client: nodeClient({ flags: { ...flags }, answerMs: timeoutMs, version }) };
    const diagnosis = await diagnose(components, { sources: systemSources({ ...flags }), version, dialTimeoutMs: timeoutMs }, this.signal);
    const { checks, notChecked, dataDir, view } = diagnosis;
    const files = bundle === undefined ? undefined : writeBundle(bundle, diagnosis, { version, wallMs: systemClock.wallMs() });
    const counts = countChecks(checks);
    const written = bundle === undefined ? {} : { bundle, files };
    this.output.result({ healthy: counts.failure === 0, running: view.status !== undefined, dataDir, counts, checks, notChecked, ...written }, () => doctorText(checks, notChecked, this.output));
    if (bundle !== undefined) this.output.remark(`\nwrote ${bundle}; it holds no secrets, but node ids, addresses and paths`);
    if (counts.failure > 0) this.exitCode = ExitCode.partlyDone;
  }
}
