import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { isAlive, processStat } from '../../../src/lib/base/process-table.js';

describe('the process table', () => {
  it('knows this process as alive', () => expect(isAlive(process.pid)).to.equal(true));

  it('knows a process that ended as gone', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    expect(isAlive(pid)).to.equal(false);
  });

  it('does not take a zombie for alive', async function () {
    if (process.platform !== 'linux') this.skip();
    // The child waits until the shell has replaced itself by a program that asks for no children.
    const parent = spawn('sh', ['-c', '(while [ "$(cat /proc/$$/comm)" != sleep ]; do :; done) & echo $!; exec sleep 60']);
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const zombie = Number(line.toString());
      while (processStat(zombie)?.state !== 'Z') await turn();
      expect(isAlive(zombie)).to.equal(false);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
