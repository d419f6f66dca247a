import type { NatProbeResult } from '../lib/control/protocol-nat.js';
import { facts } from './text.js';

const allocations: Record<NatProbeResult['portAllocation'], string | undefined> = {
  preserving: 'kept',
  fixed: 'another one, the same for all destinations',
  sequential: 'another one for each destination, in sequence',
  random: 'another one for each destination, at random',
  unknown: undefined,
};

/** A finding about NATs as lines for people. */
export function natText(report: NatProbeResult): string {
  const { portMapping, hairpin, portDelta } = report;
  const allocation = allocations[report.portAllocation];
  const servers = report.servers.map(({ address, mapped, rttMs }): [string, string] => [
    `asked ${address}`,
    mapped === null ? 'no answer' : `sees ${mapped}${rttMs === null ? '' : `, ${rttMs.toFixed(1)} ms`}`,
  ]);
  const lines = facts([
    ['nat', report.natType],
    ['mapping', report.mapping],
    ['filtering', report.filtering],
    ['outer port', allocation && (portDelta === null ? allocation : `${allocation} (step ${portDelta})`)],
    ['public address', report.publicAddress ?? 'not known'],
    ['local address', report.localAddress ?? 'not known'],
    ['hairpin', hairpin === null ? undefined : hairpin ? 'yes' : 'no'],
    ['port mapping', portMapping ? `${portMapping.external} to ${portMapping.internal} (${portMapping.protocol})` : undefined],
    ...servers,
  ]);
  return `${lines}\n\n${report.advice}`;
}
