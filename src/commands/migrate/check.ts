import { string } from '@oclif/core/args';
import { BaseCommand } from '../../cli/base-command.js';
import { checkContainer } from '../../cli/migrate/container-checks.js';
import type { MigrationFinding } from '../../cli/migrate/migration-finding.js';
import { readMigrationSource } from '../../cli/migrate/migration-source.js';
import { migrationText } from '../../cli/migrate/migration-text.js';
import { checkVariables } from '../../cli/migrate/variable-checks.js';
import { printable } from '../../cli/text.js';
import { ExitCode } from '../../lib/base/exit-codes.js';

export default class MigrateCheckCommand extends BaseCommand {
  static override summary = 'Find what a configuration of v0.8 needs changed for this version';
  static override description =
    'Reads an environment file, a compose file, or where none is given the environment of this shell, and changes nothing. Exits with 0 when nothing has to be changed, with 8 when something has to. Needs no running node.';
  static override examples = [
    { description: 'The environment of this shell', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'A compose file', command: '<%= config.bin %> <%= command.id %> docker-compose.yml' },
    { description: 'A file on stdin', command: '<%= config.bin %> <%= command.id %> - < docker-compose.yml' },
  ];
  static override args = {
    file: string({ description: 'Environment or compose file, @ before it or not; - for stdin; the environment where absent', ignoreStdin: true }),
  };

  async run(): Promise<void> {
    const { args } = await this.parse(MigrateCheckCommand);
    const { kind, path, name, configurations } = await readMigrationSource(args.file, this.context.env, () => process.stdin);
    const findings = configurations.flatMap((configuration) => [...checkVariables(configuration), ...checkContainer(configuration)]);
    const count = (severity: MigrationFinding['severity']): number => findings.filter((finding) => finding.severity === severity).length;
    const services = configurations.flatMap(({ service }) => service ?? []);
    const report = { source: kind, path, services, required: count('required'), recommended: count('recommended'), findings };
    const outcome = report.required === 0 ? 'nothing has' : report.required === 1 ? '1 thing has' : `${report.required} things have`;
    const remark = report.recommended === 0 ? '' : `; ${report.recommended} recommended`;
    this.output.result(report, () => [migrationText(findings), `${printable(name)}: ${outcome} to be changed for version ${this.context.version}${remark}`].filter(Boolean).join('\n\n'));
    if (report.required > 0) this.exitCode = ExitCode.partlyDone;
  }
}
