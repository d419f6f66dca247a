import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  errors: string;
}

async function run(what: 'spin' | 'stop'): Promise<Outcome> {
  const script = fileURLToPath(new URL('watchdog-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, what], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, output, errors };
}

describe('the watchdog', () => {
  it('ends a process whose main thread hangs and says why', async () => {
    const outcome = await run('spin');
    expect(outcome.output).to.equal('started\n');
    expect(outcome.signal).to.equal('SIGKILL');
    expect(outcome.errors).to.contain('the main thread has not turned for 1000 ms');
  });

  it('does not keep a process from ending in good order', async () => {
    const outcome = await run('stop');
    expect(outcome).to.deep.include({ code: 0, signal: null, output: 'started\nstopped\n' });
  });
});
