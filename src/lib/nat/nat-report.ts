import { formatAddress, type SocketAddress } from '../base/address.js';
import { natAdvice } from './nat-advice.js';
import { isUseful, type NatFinding, type PortMapping } from './nat-finding.js';

/** A finding as `macula nat probe` prints it; addresses are `host:port`, what is not known is null. */
export interface NatReport {
  readonly natType: NatFinding['natType'];
  readonly mapping: NatFinding['mapping'];
  readonly filtering: NatFinding['filtering'];
  readonly portAllocation: NatFinding['allocation']['kind'];
  /** Between one mapping and the next where ports are sequential. */
  readonly portDelta: number | null;
  readonly publicAddress: string | null;
  readonly localAddress: string | null;
  readonly portPreserving: boolean | null;
  readonly hairpin: boolean | null;
  readonly portMapping: { readonly protocol: PortMapping['protocol']; readonly external: string; readonly internal: string } | null;
  readonly servers: readonly { readonly address: string; readonly mapped: string | null; readonly rttMs: number | null }[];
  readonly advice: string;
}

/** @param portMapping what the router forwards at the node's wish, if it does */
export function natReport(finding: NatFinding, portMapping: PortMapping | undefined): NatReport {
  const { allocation } = finding;
  return {
    natType: finding.natType,
    mapping: finding.mapping,
    filtering: finding.filtering,
    portAllocation: allocation.kind,
    portDelta: allocation.kind === 'sequential' ? allocation.delta : null,
    publicAddress: textOf(isUseful(portMapping, finding) ? portMapping.external : finding.publicAddress),
    localAddress: textOf(finding.localAddress),
    portPreserving: finding.portPreserving ?? null,
    hairpin: finding.hairpin ?? null,
    portMapping: portMappingReport(portMapping),
    servers: finding.servers.map(({ address, mapped, rttMs }) => ({ address: formatAddress(address), mapped: textOf(mapped), rttMs: rttMs ?? null })),
    advice: natAdvice(finding, portMapping),
  };
}

export function portMappingReport(mapping: PortMapping | undefined): NatReport['portMapping'] {
  return mapping ? { protocol: mapping.protocol, external: formatAddress(mapping.external), internal: formatAddress(mapping.internal) } : null;
}

function textOf(address: SocketAddress | undefined): string | null {
  return address ? formatAddress(address) : null;
}
