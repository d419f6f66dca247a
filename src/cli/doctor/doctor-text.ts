import { countChecks, type Check, type CheckStatus } from '../../lib/doctor/check.js';
import type { Output, Style } from '../output.js';
import { printable } from '../text.js';

const styles: Record<CheckStatus, Style> = { ok: 'green', warning: 'yellow', failure: 'red' };

/** The checks as lines for people: worst last would scroll away the rest, so they stay in order and are counted below. */
export function doctorText(checks: readonly Check[], notChecked: readonly string[], output: Output): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  const lines = checks.flatMap(({ id, status, summary, fix }) => {
    const head = `${output.style(styles[status], status.padEnd(7))}  ${id.padEnd(width)}  ${printable(summary)}`;
    return fix === null ? [head] : [head, `${' '.repeat(width + 11)}${output.style('dim', '→')} ${printable(fix)}`];
  });
  const { ok, warning, failure } = countChecks(checks);
  const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const rest = notChecked.length === 0 ? '' : `; not checked, as no node answers: ${notChecked.join(', ')}`;
  return `${lines.join('\n')}\n\n${ok} ok, ${plural(warning, 'warning')}, ${plural(failure, 'failure')}${rest}`;
}
