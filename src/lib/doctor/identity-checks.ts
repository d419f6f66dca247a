import type { MaculaError } from '../base/errors.js';
import { certInitCommand, type IdentityPaths } from '../identity/identity-paths.js';
import type { PairReport } from '../identity/pair-report.js';
import { failure, ok, warning, type Check } from './check.js';

const dayMs = 86_400_000;
/** As `cert show` and health warn. */
const expiresSoonDays = 30;

/** @param report undefined where there is neither certificate nor key; an error where they cannot even be read */
export function judgeCertificate(paths: IdentityPaths, report: PairReport | MaculaError | undefined, wallMs: number): Check {
  const id = 'certificate';
  if (report === undefined) return ok(id, `there is no certificate yet at ${paths.certPath}; the first start makes one`);
  if (!('problems' in report)) return failure(id, report.message, report.hint);
  const [gravest, ...more] = report.problems;
  if (gravest) return failure(id, `${gravest.message}${more.length === 0 ? '' : ` (and ${more.length} more: macula cert show)`}`, gravest.hint);
  const { nodeId, notAfterMs } = report.certificate!;
  const daysLeft = Math.floor((notAfterMs - wallMs) / dayMs);
  if (daysLeft < expiresSoonDays) return warning(id, `the certificate expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`, `${certInitCommand(paths, '--force --keep-key')} keeps the key and the node id`);
  return ok(id, `the certificate of ${nodeId.slice(0, 16)} fits its key and is valid for ${daysLeft} days; the key is readable by its owner only`);
}
