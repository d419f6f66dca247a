import { createHash } from 'node:crypto';
import { addressPrefix, addressScope, canonicalHost, formatAddress, type SocketAddress } from '../base/address.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';

/** DNS-SD service type of Macula nodes (RFC 6763 §7). */
export const serviceType = '_macula._udp.local';

/** Names a browser of all services asks for (RFC 6763 §9). */
const serviceEnumeration = '_services._dns-sd._udp.local';

/** Seconds others may remember records: 120 for those with a host name, RFC 6762 §10. */
const recordTtlSeconds = 120;

/** Records looked at in a message; an honest announcement of ours has under twenty. */
const maxRecords = 64;

/** Nodes taken from one message. */
const maxFound = 16;

/** Addresses taken of one node. */
const maxAddresses = 8;

export interface MdnsQuestion {
  readonly name: string;
  readonly type: string;
}

/** A resource record; `data` depends on the type, and on what a stranger sent. */
export interface MdnsRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number | undefined;
  readonly flush?: boolean | undefined;
  readonly data?: unknown;
}

export interface MdnsMessage {
  readonly questions?: readonly MdnsQuestion[] | undefined;
  readonly answers?: readonly MdnsRecord[] | undefined;
  readonly additionals?: readonly MdnsRecord[] | undefined;
}

/** What a node announces on one interface. */
export interface Announced {
  readonly nodeId: NodeId;
  /** From {@link realmTag}. */
  readonly realmTag: string;
  readonly addresses: readonly SocketAddress[];
}

export interface FoundNode {
  readonly nodeId: NodeId;
  readonly addresses: readonly SocketAddress[];
}

/**
 * By which nodes of one realm tell their announcements from others': 16 hex characters of a SHA-256, so that the network
 * does not read the realm's name, only whether two nodes share it.
 */
export function realmTag(realm: string): string {
  const realmId = createHash('sha256').update(realm).digest();
  return createHash('sha256').update('macula mdns realm').update(realmId).digest('hex').slice(0, 16);
}

/** The question that finds nodes. */
export const question: MdnsQuestion = { name: serviceType, type: 'PTR' };

/** Records that say where this node is; `goodbye` ones tell others to forget it (RFC 6762 §10.1). */
export function announcement({ nodeId, realmTag: tag, addresses }: Announced, goodbye = false): MdnsRecord[] {
  const ttl = goodbye ? 0 : recordTtlSeconds;
  const port = addresses[0]?.port;
  if (port === undefined) return [];
  const label = nodeId.slice(0, 16);
  const instance = `${label}.${serviceType}`;
  const target = `macula-${label}.local`;
  return [
    { name: serviceType, type: 'PTR', ttl, data: instance },
    { name: instance, type: 'SRV', ttl, flush: true, data: { priority: 0, weight: 0, port, target } },
    { name: instance, type: 'TXT', ttl, flush: true, data: [`id=${nodeId}`, `r=${tag}`] },
    ...addresses.slice(0, maxAddresses).map(({ host }) => ({ name: target, type: host.includes(':') ? 'AAAA' : 'A', ttl, flush: true, data: host })),
  ];
}

/** Whether a query asks for nodes or for this one. */
export function asksForUs({ questions }: MdnsMessage, { nodeId }: Pick<Announced, 'nodeId'>): boolean {
  const names = [serviceType, serviceEnumeration, `${nodeId.slice(0, 16)}.${serviceType}`];
  return (questions ?? []).slice(0, maxRecords).some(({ name, type }) => ['PTR', 'SRV', 'TXT', 'ANY'].includes(type) && names.includes(lower(name)));
}

/** Answer to browsers that ask which services exist. */
export function serviceRecord(): MdnsRecord {
  return { name: serviceEnumeration, type: 'PTR', ttl: recordTtlSeconds, data: serviceType };
}

/**
 * Nodes of our realm in a response. Addresses are believed only within the local network, or where the sender speaks of
 * itself, so that a host on the LAN cannot point its neighbours at strangers.
 * @param senderHost the address the message came from
 */
export function findNodes(message: MdnsMessage, senderHost: string, own: Announced): FoundNode[] {
  const records = [...(message.answers ?? []), ...(message.additionals ?? [])].slice(0, maxRecords);
  const found: FoundNode[] = [];
  for (const record of records) {
    if (found.length >= maxFound) break;
    if (record.type !== 'TXT' || !lower(record.name).endsWith(`.${serviceType}`) || record.ttl === 0) continue;
    const fields = textFields(record.data);
    const nodeId = parseNodeId(fields.get('id') ?? '');
    if (nodeId === undefined || nodeId === own.nodeId || fields.get('r') !== own.realmTag) continue;
    const service = serviceOf(records, lower(record.name));
    if (!service) continue;
    const addresses = addressesOf(records, service, senderHost, own.addresses);
    if (addresses.length > 0) found.push({ nodeId, addresses });
  }
  return found;
}

function serviceOf(records: readonly MdnsRecord[], instance: string): { port: number; target: string } | undefined {
  const data = records.find((record) => record.type === 'SRV' && lower(record.name) === instance)?.data;
  if (typeof data !== 'object' || data === null) return undefined;
  const { port, target } = data as Record<string, unknown>;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535 || typeof target !== 'string') return undefined;
  return { port, target: lower(target) };
}

function addressesOf(records: readonly MdnsRecord[], { port, target }: { port: number; target: string }, senderHost: string, own: readonly SocketAddress[]): SocketAddress[] {
  const hosts = [senderHost];
  for (const { name, type, data } of records) {
    if ((type === 'A' || type === 'AAAA') && lower(name) === target && typeof data === 'string') hosts.push(data);
  }
  const kept = new Map<string, SocketAddress>();
  for (const given of hosts) {
    const host = canonicalHost(given);
    if (host === undefined || (host !== senderHost && !isLocal(host, own)) || kept.size >= maxAddresses) continue;
    kept.set(formatAddress({ host, port }), { host, port });
  }
  return [...kept.values()];
}

function isLocal(host: string, own: readonly SocketAddress[]): boolean {
  const scope = addressScope(host);
  if (scope === 'private' || (scope === 'link-local' && !host.includes(':'))) return true;
  // Over IPv6 announcements come from link-local addresses, which nobody can dial, and hosts of a network share a /64.
  return scope === 'public' && host.includes(':') && own.some((one) => one.host.includes(':') && addressPrefix(one.host, 32, 64) === addressPrefix(host, 32, 64));
}

/** `key=value` strings of a TXT record (RFC 6763 §6.3); the first of a key counts. */
function textFields(data: unknown): Map<string, string> {
  const fields = new Map<string, string>();
  for (const item of (Array.isArray(data) ? data : [data]).slice(0, 8)) {
    if (typeof item !== 'string' && !(item instanceof Uint8Array)) continue;
    const text = Buffer.from(item as string).toString('latin1');
    const equals = text.indexOf('=');
    const key = text.slice(0, equals).toLowerCase();
    if (equals > 0 && !fields.has(key)) fields.set(key, text.slice(equals + 1));
  }
  return fields;
}

function lower(name: unknown): string {
  return typeof name === 'string' ? name.toLowerCase() : '';
}
