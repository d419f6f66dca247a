import type { DhtNodesResult, DhtProvidersResult, DhtStoreResult, DhtTraceResult, DhtTraceStep } from '../lib/control/protocol-dht.js';
import { columns, humanMs, printable, shortId } from './text.js';

/** What became of a write, as a line. */
export function storeText(done: 'stored' | 'deleted', result: DhtStoreResult): string {
  const { key, replicas, target, quorum, seq, expiresAt, durationMs } = result;
  const alone = target === 1 ? ' (no other node is in reach)' : '';
  const kept = done === 'stored' ? `, until ${expiresAt}` : '';
  return `${done} ${printable(key)} on ${replicas} of ${target} replicas${alone}, ${quorum} needed, seq ${seq}${kept}, in ${humanMs(durationMs)}`;
}

/** Providers as a table, one line each. */
export function providersText({ providers }: DhtProvidersResult): string {
  return columns([['NODE', 'SEQ', 'UNTIL'], ...providers.map(({ nodeId, seq, expiresAt }) => [nodeId, String(seq), expiresAt])]);
}

/** One request of a lookup, as a line. */
export function traceStepText({ hop, nodeId, startedMs, durationMs, outcome, holds, returned }: DhtTraceStep): string {
  const when = durationMs === null ? outcome : `${humanMs(durationMs)}, named ${returned}`;
  return `hop ${hop}  +${humanMs(startedMs)}  ${shortId(nodeId)}: ${when}${holds ? ', holds it' : ''}`;
}

/** What a traced lookup came to. */
export function traceSummaryText({ holders, hops, queried, durationMs, keyHash }: Omit<DhtTraceResult, 'steps'>): string {
  const held = holders.length === 0 ? 'nobody holds it' : `held by ${holders.length}: ${holders.map(shortId).join(' ')}`;
  return `${keyHash}\n${held}\n${queried} asked, ${hops} hops, ${humanMs(durationMs)}`;
}

/** The routing table, one line a node, closest first. */
export function nodesText({ nodes }: DhtNodesResult): string {
  if (nodes.length === 0) return 'no other nodes known yet';
  const rows = nodes.map(({ nodeId, bucket, reachability, addresses, rttMs, connected, lastSeenSeconds }) => [
    nodeId.slice(0, 16), String(bucket), reachability, rttMs === null ? '-' : humanMs(rttMs), connected ? 'yes' : 'no', `${Math.round(lastSeenSeconds)}s`, printable(addresses.join(' ') || '-'),
  ]);
  return columns([['NODE', 'BUCKET', 'REACH', 'RTT', 'CONNECTED', 'SEEN', 'ADDRESSES'], ...rows]);
}
