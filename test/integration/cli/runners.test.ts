import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { commandRunner, urlRunner, type RunOutcome } from '../../../src/cli/rpc-serve/runners.js';

const call = { procedure: 'sum', args: { a: [1, 2] }, caller: 'ab'.repeat(32) };
const never = new AbortController().signal;
const script = (code: string): string[] => [process.execPath, '-e', code];
const failureOf = (outcome: RunOutcome): { status: string; message: string; details: Record<string, unknown> } => ('error' in outcome ? outcome.error : expect.fail(`it succeeded: ${JSON.stringify(outcome)}`));
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a command that serves a procedure', () => {
  let directory: string;
  before(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-runners-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  it('gets the arguments on stdin and who calls what in its environment, and its output is the result', async () => {
    const code = `let text='';process.stdin.on('data',(d)=>text+=d).on('end',()=>console.log(JSON.stringify([JSON.parse(text),process.env.MACULA_RPC_PROCEDURE,process.env.MACULA_RPC_CALLER])))`;
    expect(await commandRunner(script(code))(call, never)).to.deep.equal({ result: [call.args, 'sum', call.caller] });
  });

  it('is run without a shell', async () => {
    expect(await commandRunner([...script('console.log(JSON.stringify(process.argv.slice(1)))'), '$HOME', '`id`', 'a b; exit 1'])(call, never)).to.deep.equal({ result: ['$HOME', '`id`', 'a b; exit 1'] });
  });

  it('may print nothing, which is null, and need not read its arguments', async () => {
    expect(await commandRunner(script(''))({ ...call, args: 'x'.repeat(500_000) }, never)).to.deep.equal({ result: null });
  });

  const failures: [string, readonly string[], { status: string; message: string | RegExp; details?: Record<string, unknown> }][] = [
    ['that exits with a code says why on stderr', script(`console.error(' bad input ');process.exit(3)`), { status: 'UNKNOWN', message: 'bad input', details: { exitCode: 3 } }],
    ['that exits with a code and says nothing', script('process.exit(4)'), { status: 'UNKNOWN', message: 'the command exited with 4', details: { exitCode: 4 } }],
    ['that a signal ends', script(`process.kill(process.pid,'SIGTERM')`), { status: 'UNKNOWN', message: 'the command was ended by SIGTERM', details: { signal: 'SIGTERM' } }],
    ['whose output is no JSON', script(`console.log('{')`), { status: 'INTERNAL', message: 'the output of the command is not JSON' }],
    ['that prints without end', script(`const p=()=>process.stdout.write('x'.repeat(65536),p);p()`), { status: 'RESOURCE_EXHAUSTED', message: /more than 1048576 bytes/ }],
    ['that does not exist', ['/nonexistent/command'], { status: 'UNAVAILABLE', message: 'the command could not be run: ENOENT' }],
    ['that complains at length is cut off', script(`console.error('e'.repeat(100000));process.exit(1)`), { status: 'UNKNOWN', message: /^e{1,1000}$|^the command exited with 1$/ }],
  ];
  for (const [what, words, expected] of failures) {
    it(`${what}: ${expected.status}`, async () => {
      const { status, message, details } = failureOf(await commandRunner(words)(call, never));
      expect(status).to.equal(expected.status);
      if (typeof expected.message === 'string') expect(message).to.equal(expected.message);
      else expect(message).to.match(expected.message);
      expect(details).to.deep.include(expected.details ?? {});
    });
  }

  it('is ended at once when its call is cancelled, with all that it started', async () => {
    const pids = join(directory, 'pids');
    const code = `const {spawn}=require('child_process');const c=spawn('sleep',['1000']);require('fs').writeFileSync(process.argv[1],process.pid+' '+c.pid);setInterval(()=>{},1000)`;
    const controller = new AbortController();
    const outcome = commandRunner([...script(code), pids])(call, controller.signal);
    let found: number[] = [];
    while (found.length < 2) found = (await readFile(pids, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number);
    controller.abort();
    expect(failureOf(await outcome).status).to.equal('CANCELLED');
    // A zombie still counts as alive until its parent, or init, has seen to it.
    for (const pid of found) while (isAlive(pid) && !(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).includes(') Z'));
  });

  it('is not started for a call that was cancelled before', async () => {
    const controller = new AbortController();
    controller.abort();
    expect(failureOf(await commandRunner(['/nonexistent/command'])(call, controller.signal)).status).to.equal('CANCELLED');
  });
});

describe('a URL that serves a procedure', () => {
  let server: Server;
  let url: URL;
  let respond: Parameters<typeof createServer>[1];
  before(async () => {
    server = createServer((request, response) => respond!(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sum`);
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('is posted the arguments and who calls what', async () => {
    respond = async (request, response) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      response.end(JSON.stringify([request.method, request.url, request.headers['content-type'], request.headers['macula-procedure'], request.headers['macula-caller'], JSON.parse(text)]));
    };
    expect(await urlRunner(url)(call, never)).to.deep.equal({ result: ['POST', '/sum', 'application/json', 'sum', call.caller, call.args] });
  });

  it('may answer with nothing, which is null', async () => {
    respond = (_request, response) => void response.writeHead(204).end();
    expect(await urlRunner(url)(call, never)).to.deep.equal({ result: null });
  });

  const statuses: [number, string][] = [[400, 'INVALID_ARGUMENT'], [401, 'UNAUTHENTICATED'], [403, 'PERMISSION_DENIED'], [404, 'NOT_FOUND'], [409, 'ABORTED'], [412, 'FAILED_PRECONDITION'], [429, 'RESOURCE_EXHAUSTED'], [500, 'INTERNAL'], [501, 'UNIMPLEMENTED'], [503, 'UNAVAILABLE'], [504, 'UNAVAILABLE'], [301, 'UNKNOWN'], [418, 'UNKNOWN']];
  for (const [code, status] of statuses) {
    it(`that answers ${code} fails as ${status}, with its body as the reason`, async () => {
      respond = (_request, response) => void response.writeHead(code).end(' why \n');
      expect(failureOf(await urlRunner(url)(call, never))).to.deep.equal({ status, message: 'why', details: { httpStatus: code } });
    });
  }

  it('that answers no JSON, too much, or half, fails for that', async () => {
    respond = (_request, response) => void response.end('<html>');
    expect(failureOf(await urlRunner(url)(call, never))).to.include({ status: 'INTERNAL', message: 'the output of the response is not JSON' });
    respond = (_request, response) => void response.end('x'.repeat(1024 * 1024 + 1));
    expect(failureOf(await urlRunner(url)(call, never)).status).to.equal('RESOURCE_EXHAUSTED');
    respond = (request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('1');
      setImmediate(() => request.socket.destroy());
    };
    expect(failureOf(await urlRunner(url)(call, never))).to.include({ status: 'UNAVAILABLE' });
  });

  it('that nobody listens at is unavailable', async () => {
    expect(failureOf(await urlRunner(new URL('http://127.0.0.1:1/'))(call, never))).to.include({ status: 'UNAVAILABLE', message: '127.0.0.1:1 does not answer: ECONNREFUSED' });
  });

  it('is let go of at once when its call is cancelled, before and while it answers', async () => {
    for (const begin of [false, true]) {
      const controller = new AbortController();
      const asked = new Promise<{ closed: Promise<unknown> }>((resolve) => {
        respond = (request, response) => {
          if (begin) response.writeHead(200).write('[');
          // A reset closes it as well as an end does.
          resolve({ closed: new Promise((closed) => void request.socket.once('close', closed)) });
        };
      });
      const outcome = urlRunner(url)(call, controller.signal);
      const { closed } = await asked;
      controller.abort();
      expect(failureOf(await outcome).status).to.equal('CANCELLED');
      await closed;
    }
    const controller = new AbortController();
    controller.abort();
    expect(failureOf(await urlRunner(url)(call, controller.signal)).status).to.equal('CANCELLED');
  });
});
