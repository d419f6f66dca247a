import { z } from 'zod';
import { addressText, count, milliseconds, nodeId, timeoutMs } from './protocol-fields.js';

/** Requests and responses of the control socket about the DHT; the rules are those of protocol.ts. */

const keyName = z.string().min(1).max(1024).describe('Name of the key');
const keyHash = z.string().regex(/^[0-9a-f]{64}$/).describe('Where the key lies in the id space, 64 lower-case hex characters');
const time = z.iso.datetime().describe('UTC');
const seq = count.describe('Of two records under a key the one with the higher number is newer');
const encoding = z.enum(['utf8', 'base64']).describe('How the value is written');
const source = z.enum(['cache', 'local', 'network']);
const hops = count.describe('Requests in a row that led to the result');
const queried = count.describe('Nodes asked');
const waitMs = timeoutMs.default(30_000);
/** Replicas of one record never come to more. */
const replicaCount = z.number().int().min(1).max(64);
const owner = nodeId.describe('Owner of the key; without it the key is one that every node of the realm may write');
const owned = z.boolean().default(false).describe('A key that only this node can write');
const expectedSequence = count.describe('Only over a record of exactly this sequence; 0: only where there is none');

export const dhtPutRequest = z.object({
  key: keyName,
  value: z.string(),
  encoding: encoding.default('utf8'),
  ttlMs: z.number().int().min(1).optional().describe('How long the record lives, milliseconds; a day where absent'),
  minReplicas: replicaCount.optional().describe('Confirmed replicas that count as success; the majority where absent'),
  expectedSequence: expectedSequence.optional(),
  owned,
  timeoutMs: waitMs,
});
export type DhtPutRequest = z.input<typeof dhtPutRequest>;
export type DhtPutInput = z.output<typeof dhtPutRequest>;

/** What became of a write. */
export const dhtStoreResult = z.object({
  key: z.string(),
  keyHash,
  replicas: count.describe('Nodes that confirmed it as durably stored, this one included'),
  target: count.describe('Replicas aimed for'),
  quorum: count.describe('How many of them had to confirm'),
  seq,
  expiresAt: time,
  durationMs: milliseconds,
});
export type DhtStoreResult = z.infer<typeof dhtStoreResult>;

export const dhtGetRequest = z.object({
  key: keyName,
  owner: owner.optional(),
  quorum: z.enum(['one', 'newest', 'majority']).default('newest').describe('The first answer, the newest of three holders, or what most of the closest nodes hold'),
  fresh: z.boolean().default(false).describe('Ask the network even if the answer is cached or held here'),
  timeoutMs: waitMs,
});
export type DhtGetRequest = z.input<typeof dhtGetRequest>;
export type DhtGetInput = z.output<typeof dhtGetRequest>;
export const dhtGetResult = z.object({
  key: z.string(),
  value: z.string(),
  encoding,
  publisher: nodeId,
  seq,
  expiresAt: time,
  source,
  hops,
  queried,
  durationMs: milliseconds,
});
export type DhtGetResult = z.infer<typeof dhtGetResult>;

export const dhtDeleteRequest = dhtPutRequest.pick({ key: true, minReplicas: true, expectedSequence: true, owned: true, timeoutMs: true });
export type DhtDeleteRequest = z.input<typeof dhtDeleteRequest>;
export type DhtDeleteInput = z.output<typeof dhtDeleteRequest>;

const providerKind = z.enum(['procedure', 'topic']);
export const dhtProvidersRequest = z.object({
  name: keyName.describe('Name of the procedure or topic'),
  kind: providerKind.default('procedure'),
  fresh: z.boolean().default(false).describe('Ask the network even if the answer is cached or held here'),
  timeoutMs: waitMs,
});
export type DhtProvidersRequest = z.input<typeof dhtProvidersRequest>;
export type DhtProvidersInput = z.output<typeof dhtProvidersRequest>;
export const dhtProvidersResult = z.object({
  name: z.string(),
  kind: providerKind,
  keyHash,
  providers: z.array(z.object({ nodeId, seq, expiresAt: time })),
  source,
  hops,
  queried,
  durationMs: milliseconds,
});
export type DhtProvidersResult = z.infer<typeof dhtProvidersResult>;

export const dhtTraceRequest = z.object({ key: keyName, owner: owner.optional(), timeoutMs: waitMs });
export type DhtTraceRequest = z.input<typeof dhtTraceRequest>;
export type DhtTraceInput = z.output<typeof dhtTraceRequest>;
export const dhtTraceStep = z.object({
  hop: count.describe('Requests between this node and the one that named the node asked, plus one'),
  nodeId,
  startedMs: milliseconds.describe('Since the lookup began, milliseconds'),
  durationMs: milliseconds.nullable().describe('null where no answer came'),
  outcome: z.enum(['answered', 'failed', 'slow']),
  holds: z.boolean().describe('It holds a record under the key'),
  returned: count.describe('Nodes it named'),
});
export type DhtTraceStep = z.infer<typeof dhtTraceStep>;
export const dhtTraceResult = z.object({
  key: z.string(),
  keyHash,
  steps: z.array(dhtTraceStep),
  holders: z.array(nodeId).describe('All that hold a record under the key, this node included'),
  closest: z.array(nodeId).describe('Closest first'),
  hops,
  queried,
  durationMs: milliseconds,
});
export type DhtTraceResult = z.infer<typeof dhtTraceResult>;

export const dhtNode = z.object({
  nodeId,
  addresses: z.array(addressText),
  reachability: z.enum(['public', 'relayed', 'unknown']),
  bucket: count.describe('Leading bits that its id and this node\'s have in common'),
  rttMs: milliseconds.nullable(),
  connected: z.boolean(),
  lastSeenSeconds: z.number().nonnegative(),
});
export const dhtNodesResult = z.object({ nodes: z.array(dhtNode).describe('Closest first') });
export type DhtNodesResult = z.infer<typeof dhtNodesResult>;
