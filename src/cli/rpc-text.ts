import type { RpcListResult, RpcProvidersResult } from '../lib/control/protocol-rpc.js';
import { columns, humanMs, printable } from './text.js';

const times = (ms: number | null): string => (ms === null ? '-' : humanMs(ms));

/** The procedures a node serves, one line each, and what the node called. */
export function procedureListText({ procedures, calls }: RpcListResult): string {
  const rows = procedures.map(({ name, allow, calls: begun, running, failed, cancelled, refused, p50Ms, p99Ms }) => [
    printable(name), allow === null ? 'realm' : `${allow.length} nodes`, String(begun), String(running), String(failed), String(cancelled), String(refused), times(p50Ms), times(p99Ms),
  ]);
  const table = columns([['PROCEDURE', 'OPEN TO', 'CALLS', 'RUNNING', 'FAILED', 'CANCELLED', 'REFUSED', 'P50', 'P99'], ...rows]);
  const { running, succeeded, failed, cancelled, retries, hedges } = calls;
  return `${table}\n\ncalled by this node: ${succeeded} answered, ${failed} failed, ${cancelled} cancelled, ${running} under way, ${retries} retries, ${hedges} hedges`;
}

/** Who serves a procedure, one line each. */
export function procedureProvidersText({ providers }: RpcProvidersResult): string {
  return columns([['NODE', 'RTT', 'IN FLIGHT', 'CIRCUIT'], ...providers.map(({ nodeId, rttMs, inFlight, circuit }) => [nodeId, times(rttMs), String(inFlight), circuit])]);
}
