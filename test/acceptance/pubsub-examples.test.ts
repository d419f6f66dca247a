import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cleanEnvironment, finished, packageRoot } from '../support/cli.js';

const example = (name: string): string => resolve(packageRoot, 'examples', `${name}.ts`);

describe('the examples of publish/subscribe', function () {
  this.timeout(60_000);
  let directory: string;
  const children: ChildProcess[] = [];

  before(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-examples-'))));
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  function run(name: string, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', example(name), ...args], { cwd: packageRoot, env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }

  /** Resolves with the match once the process has printed such a line. */
  function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
    let text = '';
    return new Promise((found, reject) => {
      const look = (chunk: Buffer): void => {
        text += chunk.toString();
        const match = pattern.exec(text);
        if (match) found(match);
      };
      child.stdout!.on('data', look);
      child.stderr!.on('data', look);
      child.once('close', () => reject(new Error(`it ended before it printed ${pattern}:\n${text}`)));
    });
  }

  it('compile', async () => {
    const tsc = resolve(packageRoot, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'];
    const { code, stdout } = await finished(spawn(process.execPath, [tsc, ...options, example('sensor-feed'), example('chat'), example('calculator')], { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] }));
    expect(code, stdout).to.equal(0);
  });

  it('a sensor feed shows every reading, in order', async () => {
    const { code, stdout, stderr } = await finished(run('sensor-feed', join(directory, 'sensors')));
    expect(code, stderr).to.equal(0);
    expect(stdout.trimEnd().split('\n')).to.deep.equal([1, 2, 3, 4, 5].map((reading) => `sensors.kitchen.temperature #${reading}: ${20 + reading / 2} °C`));
  });

  it('a chat brings what one types to the other, and back', async () => {
    const ada = run('chat', 'Ada', join(directory, 'ada'));
    const [, url] = await printed(ada, /join with (\S+)/);
    const grace = run('chat', 'Grace', join(directory, 'grace'), url!);
    await printed(grace, /in the room/);
    grace.stdin!.write('hello\n');
    await Promise.all([printed(ada, /^Grace: hello$/m), printed(grace, /read by 1 of 1/)]);
    ada.stdin!.write('good evening\n');
    await printed(grace, /^Ada: good evening$/m);
    const ends = [ada, grace].map((child) => finished(child));
    for (const { stdin } of [ada, grace]) stdin!.end();
    for (const { code, stdout, stderr } of await Promise.all(ends)) expect(code, `${stdout}${stderr}`).to.equal(0);
  });
});
