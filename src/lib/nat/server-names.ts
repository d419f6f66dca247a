import { canonicalHost, type SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';

/** The port of STUN over UDP (RFC 8489, section 18.6). */
export const defaultStunPort = 3478;

/** A server as people write it; the host may be a name. */
export interface ServerName {
  readonly host: string;
  readonly port: number;
}

/** Reads HOST:PORT, HOST, [IPv6]:PORT. @throws MaculaError MACULA_USAGE */
export function parseServerName(text: string): ServerName {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]{1,253}))(?::(\d{1,5}))?$/.exec(text.trim());
  const port = match?.[3] === undefined ? defaultStunPort : Number(match[3]);
  const host = match?.[1] === undefined ? match?.[2] : canonicalHost(match[1]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new MaculaError('MACULA_USAGE', `${JSON.stringify(text)} is not the address of a STUN server`, { hint: `Write HOST:PORT, for example stun.example.net:${defaultStunPort}.` });
  }
  return { host, port };
}

/** Resolves names one beside the other; a name that is not known gives nothing. @param resolve all addresses of a host */
export async function resolveServers(names: readonly ServerName[], resolve: (host: string) => Promise<readonly string[]>): Promise<SocketAddress[]> {
  const found = await Promise.all(names.map(({ host, port }) => resolve(host).then((hosts) => hosts.slice(0, 1).map((one) => ({ host: one, port })), () => [])));
  return found.flat();
}
