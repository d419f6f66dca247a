import type { HealthFacts } from './health-facts.js';
import type { HealthWarning } from './warning-catalogue.js';
import { lonelyAfterMs, warningsOf } from './warning-rules.js';

export interface HealthCheck {
  readonly name: 'started' | 'socket' | 'store' | 'mesh';
  readonly ok: boolean;
  readonly message: string;
}

export interface HealthReport {
  /** False: only a restart of the process helps. */
  readonly live: boolean;
  /** Whether the node takes work. */
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
  readonly warnings: readonly HealthWarning[];
}

const phaseMessages = { starting: 'the node is starting', started: 'the node has started', stopping: 'the node is stopping' } as const;

/**
 * A node has joined once any peer was connected, and stays so: what it holds and serves it goes on to serve while the others are
 * away. It is the first of a mesh where nobody is set or known; where only peers known from earlier are, once they had time to come.
 */
function meshCheck({ hasJoined, connectedPeers, bootstrapNodes, knownPeers, uptimeMs }: HealthFacts): HealthCheck {
  const check = (ok: boolean, message: string): HealthCheck => ({ name: 'mesh', ok, message });
  if (hasJoined || connectedPeers > 0) return check(true, 'the node has joined a mesh');
  if (bootstrapNodes > 0) return check(false, `none of ${bootstrapNodes} bootstrap nodes could be joined yet`);
  if (knownPeers === 0) return check(true, 'the node is the first of its mesh');
  if (uptimeMs >= lonelyAfterMs) return check(true, `none of ${knownPeers} peers known from earlier is there; the node is the first of its mesh again`);
  return check(false, `none of ${knownPeers} peers known from earlier is connected yet`);
}

function checksOf(facts: HealthFacts): HealthCheck[] {
  return [
    { name: 'started', ok: facts.phase === 'started', message: phaseMessages[facts.phase] },
    { name: 'socket', ok: facts.socketBound, message: facts.socketBound ? 'the UDP socket is bound' : 'the UDP socket is not bound' },
    { name: 'store', ok: facts.storeOpen && facts.storeFailure === undefined, message: facts.storeFailure ?? (facts.storeOpen ? 'the store is open' : 'the store is not open') },
    meshCheck(facts),
  ];
}

/** Judges a node: alive, ready for work (started, socket bound, store writable, part of a mesh), and what its operator should know. */
export function judgeHealth(facts: HealthFacts): HealthReport {
  const checks = checksOf(facts);
  const live = facts.failure === undefined;
  return { live, ready: live && checks.every((check) => check.ok), checks, warnings: warningsOf(facts) };
}
