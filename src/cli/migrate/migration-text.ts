import { printable } from '../text.js';
import type { MigrationFinding } from './migration-finding.js';

function findingLines({ line, severity, subject, message, change }: MigrationFinding): string[] {
  const place = line === null ? '' : `line ${line}: `;
  return [`  ${severity.padEnd(11)}  ${place}${printable(subject)}`, `               ${printable(message)}`, `               → ${printable(change)}`];
}

/** Findings for people, service by service. */
export function migrationText(findings: readonly MigrationFinding[]): string {
  const services = [...new Set(findings.map(({ service }) => service))];
  const blocks = services.map((service) => {
    const own = findings.filter((each) => each.service === service).flatMap(findingLines);
    return [...(service === null ? [] : [`service ${printable(service)}`]), ...own].join('\n');
  });
  return blocks.join('\n\n');
}
