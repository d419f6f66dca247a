/** failure: the node does not start or work so; warning: it works, but not as well or not for long. */
export type CheckStatus = 'ok' | 'warning' | 'failure';

/** What was found about one thing. */
export interface Check {
  /** Never changes for one kind of check. */
  readonly id: string;
  readonly status: CheckStatus;
  /** What it is and what that means, one sentence. */
  readonly summary: string;
  /** What to do, a command where there is one; null where there is nothing to do. */
  readonly fix: string | null;
}

export function ok(id: string, summary: string): Check {
  return { id, status: 'ok', summary, fix: null };
}

export function warning(id: string, summary: string, fix: string | null): Check {
  return { id, status: 'warning', summary, fix };
}

export function failure(id: string, summary: string, fix: string | null): Check {
  return { id, status: 'failure', summary, fix };
}

/** How many checks came out how. */
export function countChecks(checks: readonly Check[]): Record<CheckStatus, number> {
  const of = (wanted: CheckStatus): number => checks.filter(({ status }) => status === wanted).length;
  return { ok: of('ok'), warning: of('warning'), failure: of('failure') };
}
