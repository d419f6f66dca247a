import { z } from 'zod';
import { addressText, count, milliseconds, nodeId, path, timeoutMs } from './protocol-fields.js';

/**
 * Every request and response of the control socket. The field names are a contract with scripts
 * (docs/CLI.md); fields may be added, none may change its meaning.
 */

/** First field of every response and of every line of a stream. */
export const schemaVersion = 1;

export const socketAddress = z.object({ host: z.string(), port: z.number().int().min(0).max(65_535) });

export const warning = z.object({
  code: z.string().describe('Never changes for one kind of warning'),
  severity: z.enum(['low', 'medium', 'high']),
  message: z.string(),
  fix: z.string().describe('What to do about it'),
});
export type Warning = z.infer<typeof warning>;

export const natType = z.enum(['none', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric', 'blocked', 'unknown']);
/** Behaviour in the terms of RFC 4787. */
export const natBehaviour = z.enum(['endpoint-independent', 'address-dependent', 'address-and-port-dependent', 'unknown']);

const bytesBothWays = z.object({ sent: count, received: count });

/** What a router forwards. */
export const portMapping = z.object({ protocol: z.enum(['upnp', 'nat-pmp', 'pcp']), external: addressText, internal: addressText }).describe('What the router forwards at the wish of the node');

export const nodeStatus = z.object({
  nodeId,
  realm: z.string(),
  version: z.string(),
  pid: count,
  uptimeSeconds: z.number().nonnegative(),
  state: z.enum(['starting', 'ready', 'degraded', 'stopping']),
  listen: z.array(socketAddress),
  publicAddress: addressText.nullable().describe('The address other nodes see this one at; null while none said so'),
  nat: z.object({ type: natType, mapping: natBehaviour, filtering: natBehaviour }).nullable(),
  portMapping: portMapping.nullable(),
  traffic: z.object({ direct: bytesBothWays, relayed: bytesBothWays }).describe('Bytes of UDP payload exchanged with peers since the start, by the way they took'),
  peers: z.object({ connected: count, direct: count, relayed: count }),
  relays: z.array(nodeId).describe('Relays the node can be reached through; empty where it needs none or found none'),
  dht: z.object({ nodes: count, records: count }).nullable().describe('null while it does not run'),
  pool: z.object({ size: count, max: count }).nullable().describe('null while it does not run'),
  controlSocket: z.string(),
  metricsUrl: z.string().nullable(),
  warnings: z.array(warning),
});
export type NodeStatus = z.infer<typeof nodeStatus>;

export const stopResult = z.object({ stopped: z.literal(true), pid: count });
export type StopResult = z.infer<typeof stopResult>;

export const waitRequest = z.object({
  for: z.string().min(1).max(1024).describe('ready, peers>=N, key=K or reachable'),
  timeoutMs: timeoutMs.default(30_000),
});
export type WaitRequest = z.infer<typeof waitRequest>;
export const waitResult = z.object({ met: z.literal(true), for: z.string() });
export type WaitResult = z.infer<typeof waitResult>;

export const peer = z.object({
  nodeId: nodeId.nullable().describe('null while a peer configured by address has not been reached'),
  address: addressText.nullable(),
  path: path.nullable().describe('null while not connected'),
  relay: nodeId.nullable().describe('The relay in between; null on a direct path'),
  direction: z.enum(['in', 'out']),
  rttMs: milliseconds.nullable(),
  state: z.enum(['connecting', 'connected', 'waiting', 'refused']).describe('waiting: pausing before the next dial; refused: one side does not want the other'),
  connectedSeconds: z.number().nonnegative(),
  bytesSent: count,
  bytesReceived: count,
  relayedBytesSent: count.describe('Of the bytes sent, those that went through a relay'),
  relayedBytesReceived: count.describe('Of the bytes received, those that came through a relay'),
  error: z.string().nullable().describe('Why the last attempt failed; null while connected'),
});
export type Peer = z.infer<typeof peer>;

export const peerList = z.object({ peers: z.array(peer) });
export type PeerList = z.infer<typeof peerList>;

export const connectRequest = z.object({
  target: z.string().min(1).max(512).describe('https://host:port, macula://id@host:port, host:port or a node id'),
  timeoutMs: timeoutMs.default(15_000),
  direct: z.boolean().optional().describe('Wait until the path is direct'),
});
export type ConnectRequest = z.infer<typeof connectRequest>;
export const connectResult = z.object({ nodeId, path, address: addressText.nullable() });
export type ConnectResult = z.infer<typeof connectResult>;

export const peerReference = z.string().regex(/^[0-9a-fA-F]{8,64}$/).describe('A node id or the first characters of one, at least 8');

export const disconnectRequest = z.object({ nodeId: peerReference });
export type DisconnectRequest = z.infer<typeof disconnectRequest>;
export const disconnectResult = z.object({ nodeId });
export type DisconnectResult = z.infer<typeof disconnectResult>;

export const pingRequest = z.object({
  nodeId: peerReference,
  count: z.number().int().min(1).max(1_000_000).default(4),
  intervalMs: z.number().int().min(1).max(3_600_000).default(1000),
  timeoutMs: timeoutMs.default(5000).describe('For each ping, milliseconds'),
  untilDirect: z.boolean().default(false).describe('Stop at the first answer over a direct path'),
});
export type PingRequest = z.infer<typeof pingRequest>;
export const pingAnswer = z.object({ seq: count, rttMs: milliseconds, path, via: z.string().nullable().describe('Address, or the relay') });
export const pingFailure = z.object({ seq: count, error: z.object({ code: z.string(), message: z.string() }) });
export const pingResult = z.union([pingAnswer, pingFailure]);
export type PingAnswer = z.infer<typeof pingAnswer>;
export type PingFailure = z.infer<typeof pingFailure>;
export type PingResult = z.infer<typeof pingResult>;

export const trustRequest = z.object({ target: z.string().min(1).max(512).describe('A URL or a node id') });
export type TrustRequest = z.infer<typeof trustRequest>;
export const trustResult = z.object({ nodeId: nodeId.nullable(), pinned: z.boolean() });
export type TrustResult = z.infer<typeof trustResult>;

export const effectiveSetting = z.object({
  value: z.string().describe('As it would be written; (set) for a secret'),
  origin: z.enum(['flag', 'environment', 'file', 'default']),
  source: z.string().describe('The flag, the variable, the path of the file, or default'),
});
export const effectiveConfig = z.object({
  configFile: z.string().nullable(),
  settings: z.record(z.string(), effectiveSetting),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});
export type EffectiveConfig = z.infer<typeof effectiveConfig>;

export const errorBody = z.object({
  error: z.object({
    code: z.string().describe('See docs/errors.md'),
    message: z.string(),
    hint: z.string(),
    details: z.record(z.string(), z.unknown()),
  }),
});
