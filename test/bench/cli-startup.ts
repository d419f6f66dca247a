import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment, onlyObject, macula, packageRoot } from '../support/cli.js';
import { interleave, report, type Row } from './harness.js';

/** CLI.md: a client command takes at most this many times as long as Node.js itself. */
const budget = 2.2;
const rounds = 25;

const bin = join(packageRoot, 'bin/macula.js');
const dataDir = mkdtempSync(join(tmpdir(), 'macula-startup-'));
const env = cleanEnvironment({ MACULA_DATA_DIR: dataDir, MACULA_MDNS: 'false', MACULA_METRICS_PORT: '0' });

/** Milliseconds from spawn to exit. */
async function timed(...args: string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore', env });
  await once(child, 'exit');
  return performance.now() - begin;
}

try {
  const absent = await interleave(rounds, {
    floor: () => timed('-e', '0'),
    version: () => timed(bin, '--version'),
    noNode: () => timed(bin, 'peers', 'list'),
    help: () => timed(bin, 'peers', 'list', '--help'),
  });
  const started = onlyObject<{ event: string }>(await macula(['node', 'start', '--detach', '--port', '0', '--json'], { env: env as Record<string, string> }));
  if (started.event !== 'ready') throw new Error(`the node did not start: ${JSON.stringify(started)}`);
  const running = await interleave(rounds, {
    floor: () => timed('-e', '0'),
    peersList: () => timed(bin, 'peers', 'list'),
    status: () => timed(bin, 'node', 'status', '--json'),
  });
  const row = (what: string, value: number, floor: number): Row => {
    const ratio = value / floor;
    return { what, value, unit: 'ms', ratio: `${ratio.toFixed(2)} × node -e 0`, target: `≤ ${budget} ×`, met: ratio <= budget };
  };
  await report('cli-startup', [
    { what: '`node -e 0`', value: absent.floor, unit: 'ms' },
    row('`macula --version`', absent.version, absent.floor),
    row('`macula peers list`, no node', absent.noNode, absent.floor),
    { what: '`macula peers list --help`', value: absent.help, unit: 'ms', ratio: `${(absent.help / absent.floor).toFixed(2)} × node -e 0` },
    row('`macula peers list`, node running', running.peersList, running.floor),
    row('`macula node status --json`, node running', running.status, running.floor),
  ]);
} finally {
  await macula(['node', 'stop'], { env: env as Record<string, string> });
  rmSync(dataDir, { recursive: true, force: true });
}
