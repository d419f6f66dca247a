import { lookup } from 'node:dns/promises';
import { canonicalHost } from '../base/address.js';
import { systemClock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import { networkInterfaces } from '../base/network-interfaces.js';
import { systemRandom } from '../base/random.js';
import { openUdpSocket } from '../transport/udp-socket.js';
import { NatMeasurement } from './nat-measurement.js';
import { natReport, type NatReport } from './nat-report.js';
import { parseServerName, resolveServers } from './server-names.js';
import { sourceAddress } from './source-address.js';
import { StunServerVantage } from './vantage.js';

/**
 * Looks at the NATs on the way from here, without a node, through sockets of its own.
 * @param servers HOST:PORT of STUN servers; two at different addresses, or one with two addresses, tell all there is to know
 * @throws MaculaError MACULA_USAGE, MACULA_UNREACHABLE where no name is known, MACULA_ABORTED
 */
export async function probeAlone(servers: readonly string[], signal: AbortSignal): Promise<NatReport> {
  const addresses = await resolveServers(servers.map(parseServerName), async (host) => (await lookup(host, { all: true })).map(({ address }) => canonicalHost(address)!));
  if (addresses.length === 0) throw new MaculaError('MACULA_UNREACHABLE', `no address is known of ${servers.join(', ')}`, { hint: 'Check the names, or write an IP address.' });
  const components = { openSocket: openUdpSocket, clock: systemClock, random: systemRandom, localHosts: localHostsOfSystem, sourceAddress };
  const finding = await new NatMeasurement(components, '', signal).run(addresses.map((address) => new StunServerVantage(address)));
  return natReport(finding, undefined);
}

/** IP addresses of this machine's interfaces. */
export function localHostsOfSystem(): string[] {
  return Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => canonicalHost(address)).filter((host) => host !== undefined));
}
