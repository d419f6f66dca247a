import { domainToASCII } from 'node:url';
import { canonicalHost, formatAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';
import { parseNodeId, type NodeId } from './node-id.js';

/** The port of a URL that names none; part of the notation, so it does not follow the port a node is set to. */
export const defaultPeerPort = 4433;

/** Where a node is said to be, and who it must be there if that is known. */
export interface PeerUrl {
  /** Lower-case host name, or a canonical IP literal without brackets. */
  readonly host: string;
  readonly port: number;
  /** The id the node must prove. */
  readonly nodeId?: NodeId;
  /** Normalised: `https://host:port`, or `macula://<node-id>@host:port` where an id was given. */
  readonly url: string;
}

const notation = 'Write https://HOST:PORT, macula://NODE-ID@HOST:PORT or HOST:PORT; the port defaults to 4433.';

function refuse(text: string, reason: string, hint: string = notation): never {
  throw new MaculaError('MACULA_USAGE', `${JSON.stringify(text)} is not the address of a node: ${reason}`, {
    details: { url: text, reason },
    hint,
  });
}

function parsePort(text: string, port: string | undefined): number {
  if (port === undefined) return defaultPeerPort;
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) refuse(text, `port ${JSON.stringify(port)} is not a number from 1 to 65535.`);
  return number;
}

/** Labels of letters, digits, hyphens and (as found in container networks) underscores; RFC 1123 §2.1, RFC 1035 §2.3.4. */
function isHostName(name: string): boolean {
  if (name.length > 253) return false;
  const labels = name.split('.');
  // A last label of digits only would be taken for a malformed IPv4 address by resolvers.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!)) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

function parseHost(text: string, host: string, bracketed: boolean): string {
  if (host === '') refuse(text, 'the host is missing.');
  if (host.includes('%')) refuse(text, 'addresses with a zone (after %) are not supported.', 'Use another address of that node.');
  const literal = canonicalHost(host);
  if (bracketed) {
    if (literal === undefined || !host.includes(':')) refuse(text, `[${host}] is not an IPv6 address.`);
    return literal;
  }
  if (literal !== undefined) return literal;
  const name = domainToASCII(host.replace(/\.$/, '')).toLowerCase();
  // domainToASCII rewrites odd IPv4 notations (`0x7f.1`); those are refused rather than guessed at.
  if (name !== '' && canonicalHost(name) === undefined && isHostName(name)) return name;
  return refuse(text, `${JSON.stringify(host)} is neither a host name nor an IP address.`);
}

function splitAuthority(text: string, authority: string): { host: string; port: number } {
  const bracket = /^\[([^\]]*)\](?::(.*))?$/.exec(authority);
  if (bracket) return { host: parseHost(text, bracket[1]!, true), port: parsePort(text, bracket[2]) };
  const parts = authority.split(':');
  if (parts.length > 2) {
    const literal = canonicalHost(authority);
    const example = literal === undefined ? '[2001:db8::1]:4433' : `[${literal}]:${defaultPeerPort}`;
    refuse(text, 'an IPv6 address must stand in brackets.', `Write it like ${example}.`);
  }
  return { host: parseHost(text, parts[0]!, false), port: parsePort(text, parts[1]) };
}

function parseSchemeNodeId(text: string, user: string | undefined): NodeId {
  if (user === undefined) refuse(text, 'macula:// needs the id of the node before an @.', 'Write macula://NODE-ID@HOST:PORT, or https://HOST:PORT to remember the id on first use.');
  const nodeId = parseNodeId(user);
  if (nodeId === undefined) refuse(text, 'what stands before the @ is not a node id.', 'A node id is 64 hexadecimal characters; `macula cert show` on that node prints it.');
  return nodeId;
}

/**
 * Reads the address of a node as people write it: `https://host[:port]`, `macula://<node-id>@host[:port]` or
 * `host[:port]`, IPv6 literals in brackets, host names in any case or script. Names are not resolved.
 * @throws MaculaError MACULA_USAGE saying what is wrong and how to write it
 */
export function parsePeerUrl(text: string): PeerUrl {
  const trimmed = text.trim();
  if (trimmed === '') refuse(text, 'it is empty.');
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)(.*)$/is.exec(trimmed)!;
  const scheme = match[1]?.toLowerCase();
  const authority = match[2]!;
  const rest = match[3]!;
  if (scheme !== undefined && scheme !== 'https' && scheme !== 'macula') refuse(text, `${scheme}:// is not a scheme of Macula.`);
  if (rest !== '' && rest !== '/') refuse(text, `nothing may follow the port, but ${JSON.stringify(rest)} does.`);
  const at = authority.lastIndexOf('@');
  const user = at < 0 ? undefined : authority.slice(0, at);
  if (scheme !== 'macula' && user !== undefined) refuse(text, 'only macula:// takes a node id before an @.', 'Write macula://NODE-ID@HOST:PORT.');
  const { host, port } = splitAuthority(text, authority.slice(at + 1));
  const address = formatAddress({ host, port });
  if (scheme !== 'macula') return { host, port, url: `https://${address}` };
  const nodeId = parseSchemeNodeId(text, user);
  return { host, port, nodeId, url: `macula://${nodeId}@${address}` };
}
