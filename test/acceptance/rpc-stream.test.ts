import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { delay } from '../../src/lib/base/abort.js';
import { systemClock } from '../../src/lib/base/clock.js';
import { MaculaError, MaculaNode, procedureError, type CallContext } from '../../src/lib/index.js';
import { until } from '../integration/session/node-fixture.js';
import { bash, cleanEnvironment, finished, macula, onlyObject, packageRoot, spawnMacula, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

interface Line {
  readonly event?: string;
  readonly value?: unknown;
  readonly error?: { readonly code: string };
}

const linesOf = (text: string): Line[] => text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line);

describe('streams from the command line', function () {
  this.timeout(90_000);
  const farm = new NodeFarm();
  let server: MaculaNode;
  let caller: NodeProcess;
  const cancelled: string[] = [];

  before(async () => {
    server = new MaculaNode({ dataDir: await farm.dataDir('server'), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false });
    await server.start();
    await server.rpc.register('calculator.total', async function* (start: number, { input }: CallContext) {
      let total = start;
      for await (const value of input) yield (total += Number(value));
    });
    await server.rpc.register('breaks', async function* () {
      yield { a: 1 };
      throw procedureError('OUT_OF_RANGE', 'too far');
    });
    await server.rpc.register('forever', async function* (_args, { signal }: CallContext) {
      yield 'begun';
      await delay(systemClock, 600_000, signal).catch((error: unknown) => cancelled.push(MaculaError.from(error).code));
    });
    caller = await farm.start('caller', { bootstrap: [`https://127.0.0.1:${server.listen[0]!.port}`] });
    await until(() => server.peers.listPeers().some((peer) => peer.nodeId === caller.nodeId && peer.state === 'connected'), 'they are connected');
  });
  beforeEach(() => void (cancelled.length = 0));
  after(async () => {
    await server.stop();
    await farm.close();
  });
  const call = (...args: string[]): string[] => ['rpc', 'call', ...args, '--data-dir', caller.dataDir];
  const running = (): number => server.rpc.list().reduce((sum, procedure) => sum + procedure.running, 0);

  it('print each result on a line, take values from stdin or a file, and tell how they ended with --json', async () => {
    expect(await bash(`seq 3 | macula ${call('calculator.total', '10', '--stream', '--input', '-').join(' ')}`)).to.include({ code: 0, stdout: '11\n13\n16\n' });
    const file = join(await farm.dataDir('.'), 'values.ndjson');
    await writeFile(file, '5\n\n-3\n');
    const { stdout } = await macula(call('calculator.total', '0', '--stream', '--input', `@${file}`, '--json'));
    expect(linesOf(stdout).map(({ event, value }) => [event, value])).to.deep.equal([['accepted', undefined], ['value', 5], ['value', 2], ['end', undefined]]);
    expect(linesOf(stdout).at(-1)).to.include({ schemaVersion: 1, received: 2, sent: 2 });
    expect(await macula(call('calculator.total', '--stream'))).to.include({ code: 0, stdout: '' });
    expect(await macula(call('macula.echo', '"one"', '--stream', '--node', server.nodeId))).to.include({ code: 0, stdout: '"one"\n' });
  });

  it('fail as calls do, after the results that came, and say what is wrong with the input', async () => {
    const broken = await macula(call('breaks', '--stream', '--json'));
    expect(broken.code).to.equal(7);
    const lines = linesOf(broken.stdout);
    expect(lines[1]).to.deep.include({ event: 'value', value: { a: 1 } });
    expect(JSON.stringify(lines.at(-1)) + broken.stderr).to.include('too far');
    const none = await macula(call('nobody.serves.this', '--stream', '--json'));
    expect([none.code, onlyObject<FailureJson>(none).error.code]).to.deep.equal([4, 'MACULA_NO_PROVIDER']);
    const unary = await macula(call('breaks', '--json'));
    expect([unary.code, onlyObject<FailureJson>(unary).error.code]).to.deep.equal([2, 'MACULA_PROCEDURE_STREAMS']);
    const bad = await bash(`echo 'no json' | macula ${call('calculator.total', '0', '--stream', '--input', '-').join(' ')}`);
    expect(bad.code).to.equal(2);
    expect((await macula(call('calculator.total', '-', '--stream', '--input', '-'))).code).to.equal(2);
    await until(() => running() === 0, 'nothing runs');
  });

  for (const [how, signal, exit] of [['Ctrl-C', 'SIGINT', 130], ['kill -9', 'SIGKILL', null]] as const) {
    it(`cancel the procedure when ${how} ends the command`, async () => {
      const child = spawnMacula(call('forever', '--stream'));
      const exited = once(child, 'exit');
      await once(createInterface({ input: child.stdout! }), 'line');
      child.kill(signal);
      expect((await exited)[0]).to.equal(exit);
      await until(() => cancelled.length === 1 && running() === 0, 'the handler was told');
      expect(cancelled).to.deep.equal(['MACULA_ABORTED']);
    });
  }

  it('go both ways at once, and over with the procedure even where the input goes on', async () => {
    const child = spawnMacula(call('calculator.total', '0', '--stream', '--input', '-'), { stdin: 'pipe' });
    const lines = createInterface({ input: child.stdout! });
    for (const [value, total] of [[1, '1'], [2, '3']] as const) {
      const line = once(lines, 'line');
      child.stdin!.write(`${value}\n`);
      expect((await line)[0]).to.equal(total);
    }
    child.stdin!.end();
    expect((await once(child, 'exit'))[0]).to.equal(0);
    // Its stdin stays open: the process ends all the same.
    const open = spawnMacula(call('macula.echo', '1', '--stream', '--input', '-', '--node', server.nodeId), { stdin: 'pipe' });
    expect(await finished(open)).to.include({ code: 0, stdout: '1\n' });
  });

  it('can be called with curl alone, as docs/RPC.md shows', async () => {
    const page = readFileSync(join(packageRoot, 'docs/RPC.md'), 'utf8').split('## From any language')[1]!;
    const line = [...page.matchAll(/```sh\n([^`]*)```/g)].map((match) => match[1]!.trim()).find((text) => text.includes('/v1/rpc/stream'))!;
    const { stdout } = await bash(line, { env: { SOCKET: caller.ready.controlSocket } });
    expect(linesOf(stdout).map(({ event, value }) => [event, value])).to.deep.equal([['accepted', undefined], ['value', 5], ['value', 2], ['end', undefined]]);
  });

  it('are served by a command: a line for each result, input on the lines of stdin after the first', async () => {
    const script = join(await farm.dataDir('.'), 'running-total.sh');
    await writeFile(script, 'read -r total\nwhile read -r value; do total=$((total + value)); echo $total; done\n[ "$total" -lt 100 ] || { echo "too much" >&2; exit 3; }\n');
    const serving = spawnMacula(['rpc', 'serve', 'shell.total', '--exec', `sh ${script}`, '--stream', '--json', '--data-dir', caller.dataDir]);
    const told: { event: string; outcome?: string; error?: { message: string } }[] = [];
    createInterface({ input: serving.stdout! }).on('line', (line) => told.push(JSON.parse(line) as (typeof told)[number]));
    await until(() => told.some(({ event }) => event === 'serving'), 'it serves');

    const stream = await server.rpc.callStream<number>('shell.total', 10, { node: caller.nodeId });
    const results = stream[Symbol.asyncIterator]();
    for (const [value, total] of [[5, 15], [-3, 12]] as const) {
      await stream.write(value);
      expect(await results.next(), 'while the input goes on').to.deep.equal({ done: false, value: total });
    }
    stream.end();
    expect((await results.next()).done).to.equal(true);

    const failing = await server.rpc.callStream('shell.total', 99, { node: caller.nodeId });
    await failing.write(1);
    failing.end();
    const { status, error, received } = await failing.finished;
    expect([status, error?.code, error?.message, received]).to.deep.equal(['UNKNOWN', 'MACULA_CALL_FAILED', 'too much', 1]);

    const cancelledOne = await server.rpc.callStream('shell.total', 0, { node: caller.nodeId });
    await cancelledOne.write(1);
    await cancelledOne[Symbol.asyncIterator]().next();
    cancelledOne.cancel();
    await until(() => told.filter(({ event }) => event === 'call').length === 3, 'all are over');
    expect(told.filter(({ event }) => event === 'call').map(({ outcome }) => outcome)).to.deep.equal(['ok', 'failed', 'cancelled']);
    const unary = await server.rpc.call('shell.total', 1, { node: caller.nodeId }).catch((cause: unknown) => MaculaError.from(cause).code);
    expect(unary).to.equal('MACULA_PROCEDURE_STREAMS');

    const lost = await server.rpc.callStream('shell.total', 0, { node: caller.nodeId });
    await lost.write(1);
    await lost[Symbol.asyncIterator]().next();
    const exited = once(serving, 'exit');
    serving.kill('SIGKILL');
    expect([(await exited)[0], (await lost.finished).status]).to.deep.equal([null, 'UNAVAILABLE']);
  });

  it('are shown by examples/calculator.ts, which prints what it promises', async () => {
    const example = resolve(packageRoot, 'examples/calculator.ts');
    const run = (...args: string[]): ChildProcess => spawn(process.execPath, args, { cwd: packageRoot, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    const { code, stdout, stderr } = await finished(run('--import', 'tsx', example, join(await farm.dataDir('.'), 'calculator')));
    expect(code, stderr).to.equal(0);
    expect(stdout.trimEnd().split('\n')).to.deep.equal([
      '7 / 2 = 3.5', '7 / 0: INVALID_ARGUMENT, nothing can be divided by zero', 'primes from 100: 101, 103, 107, 109, 113', 'mean of 1 to 4: 2.5',
      'mean of nothing: FAILED_PRECONDITION, there is no mean of nothing', 'total after 5: 15', 'total after -3: 12', 'total: OK',
    ]);
  });
});
