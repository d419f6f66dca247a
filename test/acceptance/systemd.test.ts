import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { finished, spawnMacula } from '../support/cli.js';
import { hasTool } from '../support/system-tool.js';

describe('a node that systemd started', () => {
  let directory: string;
  before(async function () {
    if (process.platform !== 'linux' || !hasTool('systemd-notify') || !hasTool('perl')) this.skip();
    directory = await mkdtemp(join(tmpdir(), 'macula-systemd-'));
  });
  after(async () => {
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  it('says over the notification socket when it is ready, that it lives, and that it stops', async () => {
    const path = join(directory, 'notify');
    const listener = spawn('perl', [resolve(import.meta.dirname, '../support/notify-socket.pl'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: listener.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { done, value } = await lines.next();
      if (done === true) throw new Error('no more notifications');
      return value;
    };
    let node: ChildProcess | undefined;
    try {
      expect(await next()).to.equal('listening');
      // WATCHDOG_PID is not set here: nobody but systemd knows the process's id before it runs.
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '900000' };
      node = spawnMacula(['node', 'start', '--data-dir', join(directory, 'node'), '--host', '127.0.0.1', '--port', '0', '--metrics-port', '0', '--json'], { env });
      const ended = finished(node);
      void ended.then(() => listener.kill());
      const heard: string[] = [];
      const until = async (wanted: string): Promise<void> => {
        for (let line = ''; !line.split(' ').includes(wanted); ) heard.push((line = await next()));
      };
      await until('READY=1');
      expect(heard).to.deep.equal(['READY=1 STATUS=ready, 0 peers (0 direct, 0 relayed)']);
      await until('WATCHDOG=1');
      await until('WATCHDOG=1');
      node.kill('SIGTERM');
      await until('STOPPING=1');
      expect(heard.at(-1)).to.equal('STOPPING=1 STATUS=stopping');
      expect((await ended).code).to.equal(0);
    } finally {
      node?.kill('SIGKILL');
      listener.kill();
      if (listener.exitCode === null && listener.signalCode === null) await once(listener, 'exit');
    }
  });
});
