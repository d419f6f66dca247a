import { string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { certificatePaths } from '../../cli/certificate-paths.js';
import { described } from '../../cli/flags.js';
import { facts, printable } from '../../cli/text.js';

export default class CertShowCommand extends BaseCommand {
  static override summary = 'Show the certificate of a node and what is wrong with it';
  static override description = 'Needs no running node.';
  static override examples = [
    { description: 'Of a directory', command: '<%= config.bin %> <%= command.id %> --dir ./certs' },
    { description: 'For a script: daysLeft, warnings', command: '<%= config.bin %> <%= command.id %> --dir ./certs --json' },
  ];
  static override flags = {
    dir: string({ description: 'Directory of cert.pem and key.pem; where absent, where the node keeps them', helpValue: '<dir>' }),
    'data-dir': string({ description: described('Data directory of the node', 'MACULA_DATA_DIR'), helpValue: '<dir>' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(CertShowCommand);
    const { paths } = await certificatePaths(flags.dir, flags['data-dir']);
    const [{ readCertificateInfo }, { systemClock }] = await Promise.all([
      import('../../lib/identity/certificate-info.js'),
      import('../../lib/base/clock.js'),
    ]);
    const info = await readCertificateInfo(paths, { clock: systemClock });
    this.output.result(info, () =>
      facts([
        ['node id', info.nodeId],
        ['subject', printable(info.subject)],
        ['algorithm', info.algorithm],
        ['valid', `${info.notBefore} to ${info.notAfter} (${info.daysLeft} days left)`],
        ['sha-256', info.fingerprintSha256],
        ['certificate', info.certPath],
        ['key', info.keyMode === null ? `${info.keyPath} (missing)` : `${info.keyPath} (mode ${info.keyMode})`],
      ]),
    );
    if (!this.output.json) for (const { message, hint } of info.warnings) this.output.warn(`${message} ${hint}`);
  }
}
