import { join } from 'node:path';
import { systemClock } from '../../../src/lib/base/clock.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { identityPathsIn } from '../../../src/lib/identity/identity-paths.js';
import { initIdentity, loadOrCreateIdentity } from '../../../src/lib/identity/key-store.js';

/** Makes identities in one directory after another, and replaces each once, until it is killed. */
const components = { clock: systemClock, random: systemRandom };
const root = process.argv[2]!;
for (let index = 0; ; index += 1) {
  const paths = identityPathsIn(join(root, String(index)));
  await loadOrCreateIdentity({ ...paths, keyType: 'ed25519' }, components);
  await initIdentity({ ...paths, keyType: 'ed25519', force: true, keepKey: false }, components);
  if (index === 0) process.stdout.write('running\n');
}
