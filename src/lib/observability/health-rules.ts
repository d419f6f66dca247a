/** What health is judged by; the node gathers it. */
export interface HealthFacts {
  readonly phase: 'starting' | 'started' | 'stopping';
  /** Why a part that cannot be restarted is down; undefined while all is well. */
  readonly failure: string | undefined;
  readonly socketBound: boolean;
  readonly storeOpen: boolean;
  /** Why the store does not take writes; undefined while it does. */
  readonly storeFailure: string | undefined;
  /** Whether a damaged store was moved aside at start. */
  readonly storeSetAside: boolean;
  readonly connectedPeers: number;
  /** Whether there is anybody to find: bootstrap nodes set or peers known from earlier. */
  readonly expectsPeers: boolean;
  readonly uptimeMs: number;
  readonly certificateDaysLeft: number;
}

export interface HealthCheck {
  readonly name: 'started' | 'socket' | 'store';
  readonly ok: boolean;
  readonly message: string;
}

export interface HealthWarning {
  /** Never changes for one kind of warning. */
  readonly code: string;
  readonly severity: 'low' | 'medium' | 'high';
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

/** Dialling every bootstrap node takes one dial timeout; three of them are beyond bad luck. */
const lonelyAfterMs = 30_000;
const expiresSoonDays = 30;
const expiresVerySoonDays = 7;

const phaseMessages = { starting: 'the node is starting', started: 'the node has started', stopping: 'the node is stopping' } as const;

function checksOf(facts: HealthFacts): HealthCheck[] {
  return [
    { name: 'started', ok: facts.phase === 'started', message: phaseMessages[facts.phase] },
    { name: 'socket', ok: facts.socketBound, message: facts.socketBound ? 'the UDP socket is bound' : 'the UDP socket is not bound' },
    { name: 'store', ok: facts.storeOpen && facts.storeFailure === undefined, message: facts.storeFailure ?? (facts.storeOpen ? 'the store is open' : 'the store is not open') },
  ];
}

function certificateWarning(daysLeft: number): HealthWarning | undefined {
  if (daysLeft >= expiresSoonDays) return undefined;
  const severity = daysLeft < expiresVerySoonDays ? 'high' : 'medium';
  const when = daysLeft < 0 ? 'has expired' : `expires in ${Math.floor(daysLeft)} days`;
  return { code: 'certificate-expires', severity, message: `The certificate ${when}; renew it with \`macula cert init --force --keep-key\`.` };
}

function warningsOf(facts: HealthFacts): HealthWarning[] {
  const warnings: HealthWarning[] = [];
  const certificate = certificateWarning(facts.certificateDaysLeft);
  if (certificate) warnings.push(certificate);
  if (facts.storeSetAside) {
    warnings.push({ code: 'store-set-aside', severity: 'high', message: 'The store was damaged and moved aside; the node began with an empty one.' });
  }
  if (facts.phase === 'started' && facts.expectsPeers && facts.connectedPeers === 0 && facts.uptimeMs >= lonelyAfterMs) {
    warnings.push({ code: 'no-peers', severity: 'medium', message: 'No peer is connected; check `macula peers list`, UDP and the firewall.' });
  }
  return warnings;
}

/** Judges a node: alive, ready for work, and what its operator should know. Ready = started, socket bound, store open and writable. */
export function judgeHealth(facts: HealthFacts): HealthReport {
  const checks = checksOf(facts);
  const live = facts.failure === undefined;
  const failed: HealthWarning[] = live ? [] : [{ code: 'part-failed', severity: 'high', message: facts.failure! }];
  return { live, ready: live && checks.every((check) => check.ok), checks, warnings: [...failed, ...warningsOf(facts)] };
}
