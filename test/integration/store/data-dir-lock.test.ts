import { expect } from 'chai';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/lib/base/clock.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { lockDataDir, readLockHolder } from '../../../src/lib/store/data-dir-lock.js';
import { processMark } from '../../../src/lib/store/process-mark.js';

interface Outcome {
  held: boolean;
  code?: string;
  pid?: number;
}

describe('the lock of the data directory', function () {
  this.timeout(60_000);
  let directory: string;
  let children: ChildProcess[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-lock-'));
    children = [];
  });

  afterEach(async () => {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) await killed(child);
    await rm(directory, { recursive: true, force: true });
  });

  async function starter(where = directory): Promise<ChildProcess> {
    const child = fork(new URL('../../support/lock-child.ts', import.meta.url), [where], { execArgv: ['--import', 'tsx'] });
    children.push(child);
    await once(child, 'message');
    return child;
  }

  async function locked(child: ChildProcess): Promise<Outcome> {
    const answer = once(child, 'message');
    child.send('go');
    return (await answer)[0] as Outcome;
  }

  async function killed(child: ChildProcess): Promise<void> {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  const lockHere = (where = directory) => lockDataDir(where, { clock: systemClock }, { version: '1.2.3' });

  async function refusal(where = directory): Promise<MaculaError> {
    return lockHere(where).then(
      () => expect.fail('the lock was granted twice'),
      (error: unknown) => MaculaError.from(error),
    );
  }

  it('says in node.pid who holds it, and leaves nothing behind when released', async () => {
    const lock = await lockHere();
    const [pid, json] = (await readFile(join(directory, 'node.pid'), 'utf8')).split('\n');
    expect(pid).to.equal(String(process.pid));
    expect(JSON.parse(json!)).to.include({ version: '1.2.3', pid: process.pid });
    await lock.release();
    await lock.release();
    expect(existsSync(join(directory, 'node.pid'))).to.equal(false);
    expect(existsSync(join(directory, 'node.lock'))).to.equal(false);
    await (await lockHere()).release();
  });

  it('is refused to a second process, which learns the pid of the first', async () => {
    const first = await starter();
    expect(await locked(first)).to.deep.equal({ held: true });
    const error = await refusal();
    expect(error.code).to.equal('MACULA_ALREADY_RUNNING');
    expect(error.details['pid']).to.equal(first.pid);
  });

  it('is reclaimed from a process that was killed', async () => {
    const first = await starter();
    await locked(first);
    await killed(first);
    expect(existsSync(join(directory, 'node.lock'))).to.equal(true);
    const lock = await lockHere();
    expect((await readLockHolder(directory))?.pid).to.equal(process.pid);
    await lock.release();
  });

  it('goes to exactly one of ten processes that start at once, on a free directory and on a stale lock', async () => {
    for (const round of ['free', 'stale']) {
      const starters = await Promise.all(Array.from({ length: 10 }, () => starter()));
      const outcomes = await Promise.all(starters.map(locked));
      const winner = starters[outcomes.findIndex((outcome) => outcome.held)];
      expect(outcomes.filter((outcome) => outcome.held), round).to.have.length(1);
      for (const outcome of outcomes.filter((one) => !one.held)) expect(outcome).to.deep.equal({ held: false, code: 'MACULA_ALREADY_RUNNING', pid: winner!.pid });
      await Promise.all(starters.map(killed));
    }
  });

  it('is reclaimed when the pid in node.pid belongs to another program by now', async () => {
    const other = await starter();
    const holder = { ...processMark(other.pid), version: '', startedAt: '' };
    await writeFile(join(directory, 'node.pid'), `${other.pid}\n${JSON.stringify({ ...holder, started: `${holder.started}0` })}\n`);
    await (await lockHere()).release();
  });

  it('is refused while the process in node.pid runs, even when somebody removed the socket', async function () {
    if (process.platform !== 'linux') return this.skip();
    const first = await starter();
    await locked(first);
    await rm(join(directory, 'node.lock'));
    expect((await refusal()).code).to.equal('MACULA_ALREADY_RUNNING');
  });

  for (const content of ['', 'garbage', '-1\n', '4194304999\nnot json', '1\n{']) {
    it(`is granted over a node.pid that holds ${JSON.stringify(content)}`, async () => {
      await writeFile(join(directory, 'node.pid'), content);
      await (await lockHere()).release();
    });
  }

  it('works in a directory whose path is longer than a socket address', async () => {
    const deep = join(directory, 'd'.repeat(120));
    await mkdir(deep);
    const first = await starter(deep);
    expect(await locked(first)).to.deep.equal({ held: true });
    expect((await refusal(deep)).code).to.equal('MACULA_ALREADY_RUNNING');
    await killed(first);
    await (await lockHere(deep)).release();
    expect(existsSync(join(deep, 'node.lock'))).to.equal(false);
  });
});
