import { randomBytes } from 'node:crypto';
import { BaseCommand } from '../../cli/base-command.js';

/** 256 bits: twice what a closed realm demands. */
const secretBytes = 32;

export default class RealmSecretCommand extends BaseCommand {
  static override summary = 'Print a fresh secret for a closed realm';
  static override description = 'Set it as MACULA_REALM_SECRET on every node of the realm. It is stored nowhere. Needs no running node.';
  static override examples = [
    { description: 'Print one', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Use it for nodes started from this shell', command: 'export MACULA_REALM_SECRET="$(<%= config.bin %> <%= command.id %>)"' },
  ];

  async run(): Promise<void> {
    await this.parse(RealmSecretCommand);
    const secret = randomBytes(secretBytes).toString('base64url');
    this.output.result({ secret }, secret);
  }
}
