import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { certificatePaths } from '../../cli/certificate-paths.js';
import { described } from '../../cli/flags.js';
import { facts } from '../../cli/text.js';
import { keyTypes, type KeyType } from '../../lib/identity/identity.js';

export default class CertInitCommand extends BaseCommand {
  static override summary = 'Make the key and certificate of a node';
  static override description = 'Not needed before `macula node start`, which makes them by itself. Existing files are kept unless --force is given. Needs no running node.';
  static override examples = [
    { description: 'In a directory', command: '<%= config.bin %> <%= command.id %> --dir ./certs' },
    { description: 'A new certificate for the key that is there; the node id stays', command: '<%= config.bin %> <%= command.id %> --dir ./certs --force --keep-key' },
  ];
  static override flags = {
    dir: string({ description: 'Directory for cert.pem and key.pem; where absent, where the node keeps them', helpValue: '<dir>' }),
    'data-dir': string({ description: described('Data directory of the node', 'MACULA_DATA_DIR'), helpValue: '<dir>' }),
    'key-type': string({ description: described('Algorithm of the key; ed25519 where absent', 'MACULA_KEY_TYPE'), options: [...keyTypes] }),
    force: boolean({ description: 'Replace existing files; a new key is a new node id' }),
    'keep-key': boolean({ description: 'Make only a new certificate, for the key that is there' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(CertInitCommand);
    const { paths, keyType } = await certificatePaths(flags.dir, flags['data-dir']);
    const [{ initIdentity }, { readCertificateInfo }, { systemClock }, { systemRandom }] = await Promise.all([
      import('../../lib/identity/key-store.js'),
      import('../../lib/identity/certificate-info.js'),
      import('../../lib/base/clock.js'),
      import('../../lib/base/random.js'),
    ]);
    const settings = { ...paths, keyType: (flags['key-type'] ?? keyType) as KeyType, force: flags.force, keepKey: flags['keep-key'] };
    await initIdentity(settings, { clock: systemClock, random: systemRandom });
    const { nodeId, algorithm, notAfter } = await readCertificateInfo(paths, { clock: systemClock });
    this.output.result({ nodeId, ...paths, algorithm, notAfter }, () =>
      facts([
        ['node id', nodeId],
        ['certificate', paths.certPath],
        ['key', `${paths.keyPath} (keep it secret; it is the node's identity)`],
        ['algorithm', algorithm],
        ['valid until', notAfter],
      ]),
    );
  }
}
