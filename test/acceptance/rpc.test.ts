import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { MaculaError } from '../../src/lib/base/errors.js';
import type { RpcServeEvent } from '../../src/lib/control/protocol-rpc.js';
import { bash, macula, onlyObject, packageRoot, spawnMacula, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

interface ServeLine {
  event?: string;
  outcome?: string;
  error?: { code?: string; status?: string };
}

/** `macula rpc serve` in a process of its own, and the lines it prints. */
class Serving {
  readonly lines: ServeLine[] = [];
  readonly child: ChildProcess;
  #wake: () => void = () => undefined;

  constructor(node: NodeProcess, args: readonly string[]) {
    this.child = spawnMacula(['rpc', 'serve', ...args, '--json', '--data-dir', node.dataDir]);
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as ServeLine);
      this.#wake();
    });
    this.child.once('exit', () => this.#wake());
  }

  async until(test: (lines: readonly ServeLine[]) => boolean): Promise<void> {
    while (!test(this.lines)) {
      if (this.child.exitCode !== null) throw new Error(`rpc serve ended with ${this.child.exitCode}: ${JSON.stringify(this.lines)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  ready(): Promise<void> {
    return this.until((lines) => lines.some(({ event }) => event === 'serving'));
  }

  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    return ((await exited) as [number | null])[0];
  }
}

describe('procedures from the command line', function () {
  this.timeout(90_000);
  const farm = new NodeFarm();
  /** A circuit opens at the first failure and soon lets a trial through, so that the test need not wait for either. */
  const impatient = { MACULA_BREAKER_FAILURES: '1', MACULA_BREAKER_MIN: '500ms', MACULA_RPC_BALANCE_DECAY: '200ms' };
  const servings: Serving[] = [];
  let first: NodeProcess;
  let second: NodeProcess;
  let third: NodeProcess;
  let endpoint: Server;
  let url: string;
  /** What the HTTP endpoint was asked. */
  const posted: number[] = [];

  before(async () => {
    first = await farm.start('first');
    [second, third] = await Promise.all([farm.start('second', { bootstrap: [first.url] }), farm.start('third', { bootstrap: [first.url], env: impatient })]);
    await third.untilConnectedTo([first.nodeId, second.nodeId]);
    await second.untilConnectedTo([first.nodeId, third.nodeId]);
    endpoint = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const value = JSON.parse(body) as number;
        if (value < 0) return void response.writeHead(400).end('negative');
        posted.push(value);
        response.end(JSON.stringify({ value, by: 'url' }));
      });
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`;
  });
  afterEach(async () => void (await Promise.all(servings.splice(0).map((serving) => serving.end()))));
  after(async () => {
    endpoint.close();
    await farm.close();
  });

  async function serve(node: NodeProcess, ...args: string[]): Promise<Serving> {
    const serving = new Serving(node, args);
    servings.push(serving);
    await serving.ready();
    return serving;
  }

  const call = (node: NodeProcess, ...args: string[]): ReturnType<typeof macula> => macula(['rpc', 'call', ...args, '--json', '--data-dir', node.dataDir]);
  const failure = async (result: ReturnType<typeof macula>): Promise<{ code: number | null; error: FailureJson['error'] }> => {
    const done = await result;
    return { code: done.code, error: onlyObject<FailureJson>(done).error };
  };

  it('calls every node\'s own procedures, says at once that nobody serves a name, and takes arguments from files and stdin', async () => {
    const echoed = onlyObject(await call(third, 'macula.echo', '{"a":[1,null,"x"]}', '--node', first.nodeId.slice(0, 12)));
    expect(echoed).to.deep.include({ result: { a: [1, null, 'x'] }, provider: first.nodeId, attempts: 1 });
    expect(onlyObject<{ result: object }>(await call(third, 'macula.info', '--node', second.nodeId)).result).to.include({ nodeId: second.nodeId, realm: 'macula' });
    const none = await failure(call(third, 'nobody.serves.this'));
    expect([none.code, none.error.code, none.error.details.executed]).to.deep.equal([4, 'MACULA_NO_PROVIDER', 'no']);
    expect((await failure(call(third, 'macula.echo', 'no json'))).code).to.equal(2);
    const piped = await bash(`echo '"from stdin"' | macula rpc call macula.echo - --node ${first.nodeId} --data-dir ${third.dataDir}`);
    expect(piped).to.include({ code: 0, stdout: '"from stdin"\n' });
  });

  it('serves from commands and URLs, tells their failures apart, and cancels what nobody waits for', async () => {
    await serve(first, 'double', '--exec', `${process.execPath} -e "process.stdin.on('data', (d) => console.log(JSON.stringify(2 * JSON.parse(d))))"`);
    await serve(second, 'post', '--url', url);
    await serve(first, 'fail', '--exec', 'sh -c "echo broken >&2; exit 3"');
    expect(onlyObject(await call(third, 'double', '21'))).to.include({ result: 42, provider: first.nodeId });
    expect(onlyObject(await call(third, 'post', '5')).result).to.deep.equal({ value: 5, by: 'url' });
    const failed = await failure(call(third, 'fail'));
    expect([failed.code, failed.error.code, failed.error.message]).to.deep.equal([7, 'MACULA_CALL_FAILED', 'broken']);
    expect(failed.error.details).to.include({ status: 'UNKNOWN', executed: 'yes', exitCode: 3 });
    const refused = await third.control.rpcCall({ procedure: 'post', args: -1, timeoutMs: 5000 }).then(() => undefined, (error: unknown) => MaculaError.from(error));
    expect(refused).to.deep.include({ code: 'MACULA_CALL_FAILED', message: 'negative' }).and.to.have.nested.property('details.status', 'INVALID_ARGUMENT');
    const slow = await serve(second, 'slow', '--exec', 'sleep 1000');
    const late = await failure(call(third, 'slow', '--timeout', '300ms'));
    expect([late.code, late.error.code]).to.deep.equal([5, 'MACULA_TIMED_OUT']);
    await slow.until((lines) => lines.some(({ outcome }) => outcome === 'cancelled'));
    const list = onlyObject<{ procedures: { name: string; cancelled: number; running: number }[] }>(await macula(['rpc', 'list', '--json', '--data-dir', second.dataDir]));
    expect(list.procedures.find(({ name }) => name === 'slow')).to.include({ cancelled: 1, running: 0 });
    expect(await slow.end()).to.equal(130);
    expect((await failure(call(third, 'slow'))).code, 'withdrawn with its last server').to.equal(4);
  });

  it('goes on at the other provider when one is killed amid calls, runs none twice, and takes it back after its restart', async () => {
    const journal = join(await farm.dataDir('journal'));
    await writeFile(journal, '');
    // Writes each number down before it answers with it.
    const program = `const fs=require('fs');const n=JSON.parse(fs.readFileSync(0,'utf8'));fs.appendFileSync(process.argv[1],n+'\\n');console.log(JSON.stringify({value:n,by:'exec'}))`;
    const exec = ['count', '--exec', `${process.execPath} -e "${program}" ${journal}`, '--concurrency', '4'];
    const doomed = await farm.start('doomed', { bootstrap: [first.url] });
    await third.untilConnectedTo([first.nodeId, second.nodeId, doomed.nodeId]);
    await serve(doomed, ...exec);
    await serve(second, 'count', '--url', url, '--concurrency', '64');
    const { control } = third;
    posted.length = 0;
    const total = 120;
    const outcomes = new Map<number, { value: number; by: string } | MaculaError>();
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < total) {
        const value = next++;
        const request = { procedure: 'count', args: value, idempotent: value % 2 === 1, timeoutMs: 8000 };
        outcomes.set(value, await control.rpcCall(request).then(({ result }) => result as { value: number; by: string }, (error: unknown) => MaculaError.from(error)));
        if (value === 40) await doomed.end('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const executions = new Map<number, number>();
    for (const value of [...posted, ...(await readFile(journal, 'utf8')).split('\n').filter(Boolean).map(Number)]) executions.set(value, (executions.get(value) ?? 0) + 1);
    expect(outcomes.size).to.equal(total);
    for (const [value, outcome] of outcomes) {
      if (outcome instanceof MaculaError) {
        expect(value % 2, `${outcome.message}: an idempotent call goes on elsewhere`).to.equal(0);
        expect(['MACULA_TIMED_OUT', 'MACULA_CONNECTION_CLOSED', 'MACULA_CALL_FAILED', 'MACULA_OVERLOADED']).to.include(outcome.code);
        expect(executions.get(value) ?? 0).to.be.at.most(1);
      } else {
        expect(outcome.value).to.equal(value);
        if (value % 2 === 0) expect(executions.get(value), `call ${value} ran once`).to.equal(1);
        else expect(executions.get(value)).to.be.at.least(1);
      }
    }
    const circuit = async (): Promise<string | undefined> => (await control.rpcProviders({ procedure: 'count', timeoutMs: 5000 })).providers.find(({ nodeId }) => nodeId === doomed.nodeId)?.circuit;
    while ((await circuit()) === 'closed') await Promise.all(Array.from({ length: 16 }, () => control.rpcCall({ procedure: 'count', args: 1000, idempotent: true, timeoutMs: 8000 })));
    const again = await farm.start('doomed', { bootstrap: [first.url], port: doomed.port });
    await third.untilConnectedTo([first.nodeId, second.nodeId, again.nodeId]);
    await serve(again, ...exec);
    while ((await circuit()) !== 'closed') await Promise.all(Array.from({ length: 16 }, () => control.rpcCall({ procedure: 'count', args: 1000, idempotent: true, timeoutMs: 8000 })));
  });

  it('can be called and served with curl alone, as docs/RPC.md shows', async () => {
    const page = readFileSync(join(packageRoot, 'docs/RPC.md'), 'utf8').split('## From any language')[1]!;
    const [echo, serveLine, answers] = [...page.matchAll(/```sh\n([^`]*)```/g)].map((match) => match[1]!.trim());
    const env = { SOCKET: third.ready.controlSocket, NODE: first.nodeId };
    expect(onlyObject({ ...(await bash(`${echo!}; echo`, { env })) }).result).to.deep.equal(['hello']);
    const cwd = await farm.dataDir('.');
    const server = spawn('bash', ['-c', `exec ${serveLine!}`], { cwd, env: { ...process.env, ...env }, stdio: 'ignore' });
    const events = async (): Promise<RpcServeEvent[]> => (await readFile(join(cwd, 'events.ndjson'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map((line) => JSON.parse(line) as RpcServeEvent);
    const event = async (kind: string, count: number): Promise<RpcServeEvent> => {
      for (;;) {
        const found = (await events()).filter((each) => each.event === kind);
        if (found.length >= count) return found[count - 1]!;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    try {
      await event('serving', 1);
      const [good, bad] = answers!.split('\n') as [string, string];
      const answered = second.control.rpcCall({ procedure: 'shout', args: 'hello', timeoutMs: 10_000 });
      await bash(good, { env: { ...env, CALL: ((await event('call', 1)) as { callId: string }).callId } });
      expect((await answered).result).to.equal('HELLO');
      const refused = second.control.rpcCall({ procedure: 'shout', args: 1, timeoutMs: 10_000 }).then(() => undefined, (error: unknown) => MaculaError.from(error));
      await bash(bad, { env: { ...env, CALL: ((await event('call', 2)) as { callId: string }).callId } });
      expect((await refused)!.details).to.include({ status: 'INVALID_ARGUMENT', executed: 'yes' });
    } finally {
      const exited = once(server, 'exit');
      server.kill();
      await exited;
    }
  });
});
