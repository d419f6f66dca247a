import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { identityPathsIn } from '../../../src/lib/identity/identity-paths.js';
import { loadIdentity, loadOrCreateIdentity } from '../../../src/lib/identity/key-store.js';

const components = { clock: systemClock, random: systemRandom };
const childPath = fileURLToPath(new URL('./key-store-child.ts', import.meta.url));

describe('a process killed while it makes identities', function () {
  this.timeout(60_000);
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'macula-kill-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('leaves every directory so that the next start works, and the start after it has the same id', async () => {
    for (let round = 0; round < 4; round += 1) {
      const roundRoot = join(root, String(round));
      const child = spawn(process.execPath, ['--import=tsx', childPath, roundRoot], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      await pause(20 + systemRandom.integer(60)); // the moment of the kill is the random input of this test
      child.kill('SIGKILL');
      await once(child, 'exit');
      const directories = await readdir(roundRoot);
      expect(directories).not.to.be.empty;
      for (const directory of directories) {
        const paths = identityPathsIn(join(roundRoot, directory));
        const { identity } = await loadOrCreateIdentity({ ...paths, keyType: 'ed25519' }, components);
        expect((await loadIdentity(paths, components)).nodeId).to.equal(identity.nodeId);
      }
    }
  });
});
