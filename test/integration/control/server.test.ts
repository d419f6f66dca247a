import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { ControlFixture, nodeId, rejection, status } from './fixture.js';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: { schemaVersion: number; error: { code: string; message: string; hint: string; details: unknown } } & Record<string, unknown>;
}

describe('the control server', () => {
  let fixture: ControlFixture;
  beforeEach(() => (fixture = new ControlFixture()));
  afterEach(() => fixture.close());

  const mode = (path: string): number => statSync(path).mode & 0o777;

  function ask(method: string, path: string, body?: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: fixture.socketPath, method, path, agent: false, ...(body !== undefined && { headers }) }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text, json: JSON.parse(text) as Answer['json'] }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  describe('socket', () => {
    it('and its directory are for the owner alone, whatever the umask', async () => {
      const umask = process.umask(0);
      try {
        await fixture.started();
        expect(process.umask()).to.equal(0);
      } finally {
        process.umask(umask);
      }
      expect(mode(fixture.socketPath)).to.equal(0o600);
      expect(mode(fixture.dataDir)).to.equal(0o700);
    });

    it('leaves the mode of a directory alone that is there', async () => {
      const elsewhere = join(fixture.directory, 'elsewhere');
      mkdirSync(elsewhere);
      chmodSync(elsewhere, 0o755);
      await fixture.server({}, join(elsewhere, 'c.sock')).start();
      expect(mode(elsewhere)).to.equal(0o755);
      expect(mode(join(elsewhere, 'c.sock'))).to.equal(0o600);
    });

    it('is gone after stop, and start and stop can be repeated', async () => {
      const server = await fixture.started();
      await server.start();
      await server.stop();
      await server.stop();
      expect(existsSync(fixture.socketPath)).to.equal(false);
      await server.start();
      expect(existsSync(fixture.socketPath)).to.equal(true);
    });

    it('is gone after a stop that came before start was through', async () => {
      const server = fixture.server();
      await Promise.all([server.start(), server.start(), server.stop()]);
      expect(existsSync(fixture.socketPath)).to.equal(false);
    });

    it('is gone a second after stop even if a handler never ends', async () => {
      const clock = new VirtualClock();
      let asked = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (asked = resolve));
      const server = fixture.server({ status: () => (asked(), new Promise(() => undefined)) }, fixture.socketPath, clock);
      await server.start();
      const answer = rejection(ask('GET', '/v1/status'));
      await arrived;
      const stopping = server.stop();
      await clock.advanceAsync(1000);
      await stopping;
      expect((await answer).code).to.equal('ECONNRESET');
      expect(existsSync(fixture.socketPath)).to.equal(false);
    });

    it('of a process that was killed is taken over', async () => {
      mkdirSync(fixture.dataDir);
      const script = `require('net').createServer().listen(${JSON.stringify(fixture.socketPath)}, () => process.stdout.write('up'))`;
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(existsSync(fixture.socketPath)).to.equal(true);
      await fixture.started({ status: () => status });
      expect((await ask('GET', '/v1/status')).status).to.equal(200);
    });

    it('of a live node is refused and goes on working', async () => {
      await fixture.started({ status: () => status });
      const error = await rejection(fixture.server().start());
      expect(error).to.include({ code: 'MACULA_ALREADY_RUNNING', message: `a node already listens on the control socket ${fixture.socketPath}` });
      expect((await ask('GET', '/v1/status')).status).to.equal(200);
    });

    it('of a process that is stopped is not taken over', async () => {
      mkdirSync(fixture.dataDir);
      const script = `require('net').createServer().listen(${JSON.stringify(fixture.socketPath)}, () => process.stdout.write('up'))`;
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGSTOP');
      try {
        expect((await rejection(fixture.server().start())).code).to.equal('MACULA_ALREADY_RUNNING');
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });

    it('never replaces a file that is no socket', async () => {
      mkdirSync(fixture.dataDir);
      writeFileSync(fixture.socketPath, 'precious');
      expect((await rejection(fixture.server().start())).code).to.equal('MACULA_FILE_EXISTS');
      expect(readFileSync(fixture.socketPath, 'utf8')).to.equal('precious');
    });

    it('in a place that is no directory is refused with what to change', async () => {
      writeFileSync(fixture.dataDir, '');
      const error = (await rejection(fixture.server().start())) as MaculaError;
      expect(error.code).to.equal('MACULA_INVALID_CONFIG');
      expect(error.hint).to.contain('--socket');
    });
  });

  describe('answers', () => {
    it('with schemaVersion first and its version in a header', async () => {
      await fixture.started({ status: () => status });
      const answer = await ask('GET', '/v1/status');
      expect(answer.text).to.match(/^\{"schemaVersion":1,/);
      expect(answer.json).to.deep.equal({ schemaVersion: 1, ...status });
      expect(answer.headers).to.include({ 'macula-version': '1.0.0', 'content-type': 'application/json; charset=utf-8' });
    });

    it('with its own OpenAPI document', async () => {
      await fixture.started();
      expect((await ask('GET', '/v1/openapi.json')).json).to.include({ openapi: '3.1.0' });
    });

    it('a wait once its condition holds, with the default timeout', async () => {
      const asked: unknown[] = [];
      await fixture.started({ wait: async (condition, timeoutMs) => void asked.push(condition, timeoutMs) });
      expect((await ask('GET', '/v1/wait?for=peers%3E%3D3')).json).to.deep.equal({ schemaVersion: 1, met: true, for: 'peers>=3' });
      expect(asked).to.deep.equal([{ kind: 'peers', count: 3 }, 30_000]);
    });

    it('stop first, and only then stops', async () => {
      let stopped = (): void => undefined;
      const stopping = new Promise<void>((resolve) => (stopped = resolve));
      await fixture.started({ stop: () => stopped() });
      expect((await ask('POST', '/v1/stop')).json).to.deep.equal({ schemaVersion: 1, stopped: true, pid: process.pid });
      await stopping;
    });

    it('requests with their defaults filled in', async () => {
      const requests: unknown[] = [];
      await fixture.started({
        connectPeer: async (given) => (requests.push(given), { nodeId, path: 'direct', address: null }),
      });
      const answer = await ask('POST', '/v1/peers/connect', '{"target":"127.0.0.1:1"}');
      expect(answer.json).to.deep.equal({ schemaVersion: 1, nodeId, path: 'direct', address: null });
      expect(requests).to.deep.equal([{ target: '127.0.0.1:1', timeoutMs: 15_000 }]);
    });
  });

  describe('refuses', () => {
    const cases: [string, string, string, string | undefined, number, string, RegExp][] = [
      ['an unknown route', 'GET', '/v1/nonsense', undefined, 404, 'MACULA_NOT_FOUND', /^there is no \/v1\/nonsense here$/],
      ['the wrong method', 'DELETE', '/v1/peers', undefined, 405, 'MACULA_USAGE', /^\/v1\/peers takes GET, not DELETE$/],
      ['malformed JSON', 'POST', '/v1/peers/connect', '{"target":', 400, 'MACULA_USAGE', /JSON/],
      ['a body of another kind', 'POST', '/v1/peers/connect', '[]', 400, 'MACULA_USAGE', /^the request is wrong: \(body\): /],
      ['an empty body', 'POST', '/v1/peers/connect', undefined, 400, 'MACULA_USAGE', /^the request is wrong: target: /],
      ['every wrong field at once', 'POST', '/v1/peers/ping', '{"nodeId":"xyz","count":0}', 400, 'MACULA_USAGE', /nodeId: .*; count: /],
      ['a condition it does not know', 'GET', '/v1/wait?for=moon', undefined, 400, 'MACULA_USAGE', /^cannot wait for "moon"$/],
      ['a wait without end', 'GET', '/v1/wait?for=ready&timeoutMs=99999999999', undefined, 400, 'MACULA_USAGE', /timeoutMs/],
      ['a body of more than 2 MiB', 'POST', '/v1/peers/connect', `"${'x'.repeat(2 * 1024 * 1024)}"`, 413, 'MACULA_USAGE', /too large/],
      ['a URL that is none', 'GET', '/%', undefined, 400, 'MACULA_USAGE', /./],
    ];
    for (const [name, method, path, body, httpStatus, code, message] of cases) {
      it(name, async () => {
        await fixture.started();
        const answer = await ask(method, path, body);
        expect(answer.status).to.equal(httpStatus);
        expect(answer.json.schemaVersion).to.equal(1);
        expect(answer.json.error).to.have.all.keys('code', 'message', 'hint', 'details');
        expect(answer.json.error.code).to.equal(code);
        expect(answer.json.error.message).to.match(message);
        expect(answer.headers['macula-version']).to.equal('1.0.0');
      });
    }

    it('another content type', async () => {
      await fixture.started();
      const answer = await ask('POST', '/v1/peers/connect', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' });
      expect(answer.status).to.equal(415);
      expect(answer.json.error.code).to.equal('MACULA_USAGE');
    });

    it('what is not HTTP', async () => {
      await fixture.started();
      const socket = connect(fixture.socketPath);
      socket.end('\u0001\u0002\u0003 nonsense\r\n\r\n');
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      expect(text).to.match(/^HTTP\/1\.1 400 /);
      expect(JSON.parse(text.split('\r\n\r\n')[1]!)).to.have.nested.property('error.code', 'MACULA_USAGE');
    });

    it('with the error of the handler, details and all', async () => {
      await fixture.started({
        disconnectPeer: async () => {
          throw new MaculaError('MACULA_PEER_NOT_FOUND', 'no such peer', { details: { nodeId } });
        },
      });
      const answer = await ask('POST', '/v1/peers/disconnect', JSON.stringify({ nodeId }));
      expect(answer.status).to.equal(404);
      expect(answer.json.error).to.deep.include({ code: 'MACULA_PEER_NOT_FOUND', message: 'no such peer', details: { nodeId } });
    });

    it('with MACULA_UNEXPECTED when a handler has a bug', async () => {
      await fixture.started({
        status: () => {
          throw new TypeError('oops');
        },
      });
      const answer = await ask('GET', '/v1/status');
      expect(answer.status).to.equal(500);
      expect(answer.json.error).to.include({ code: 'MACULA_UNEXPECTED', message: 'oops' });
    });
  });
});
