import { failure, ok, warning, type Check } from './check.js';

/** What dialling one bootstrap node came to. */
export interface Reach {
  readonly url: string;
  /** undefined where nobody answered, or not who was expected. */
  readonly nodeId: string | undefined;
  readonly durationMs: number;
  readonly error: string | undefined;
}

/** @param connected whether the node has peers, so that bootstrap nodes matter less @returns undefined where none is set */
export function judgeBootstrap(reached: readonly Reach[], connected: boolean): Check | undefined {
  const id = 'bootstrap';
  if (reached.length === 0) return undefined;
  const failed = reached.filter(({ nodeId }) => nodeId === undefined);
  const fix = 'Check the address, that the node there runs, its UDP port and the firewalls between.';
  const reasons = failed.map(({ url, error }) => `${url}: ${error}`).join('; ');
  if (failed.length === reached.length) return (connected ? warning : failure)(id, `no bootstrap node answers: ${reasons}`, fix);
  if (failed.length > 0) return warning(id, `${failed.length} of ${reached.length} bootstrap nodes do not answer: ${reasons}`, fix);
  return ok(id, reached.map(({ url, nodeId, durationMs }) => `${url} answers as ${nodeId!.slice(0, 8)} after ${Math.round(durationMs)} ms`).join('; '));
}
