import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { connectionFailure } from '../../../src/lib/control/client-errors.js';
import type { PeerList, PingResult } from '../../../src/lib/control/protocol.js';
import type { ControlHandlers } from '../../../src/lib/control/ports.js';
import type { RpcAnswerLine, RpcAnswerStreamEvent } from '../../../src/lib/control/protocol-rpc.js';
import { ControlFixture, nodeId, rejection, status } from './fixture.js';

async function* items<Item>(...given: Item[]): AsyncGenerator<Item> {
  yield* given;
}

/** Resolves when the signal aborts. */
const aborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

describe('the control client', () => {
  let fixture: ControlFixture;
  const foreign: (Server | HttpServer)[] = [];
  const sockets = new Set<Socket>();
  beforeEach(() => (fixture = new ControlFixture()));
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(foreign.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    await fixture.close();
  });

  async function listen(server: Server | HttpServer): Promise<void> {
    mkdirSync(fixture.dataDir, { recursive: true });
    foreign.push(server);
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.listen(fixture.socketPath);
    await once(server, 'listening');
  }

  describe('gets', () => {
    it('the status, and knows the version of the node', async () => {
      await fixture.started({ status: () => status });
      const client = fixture.client();
      expect(client.serverVersion).to.equal(undefined);
      expect(await client.status()).to.deep.equal(status);
      expect(client.serverVersion).to.equal('1.0.0');
      expect(client.versionSkew).to.equal(false);
    });

    it('to know of version skew', async () => {
      await fixture.started({ status: () => status });
      const client = fixture.client({ version: '2.0.0' });
      expect(client.versionSkew).to.equal(false);
      await client.status();
      expect(client.versionSkew).to.equal(true);
    });

    it('what each other method is for', async () => {
      const peers: PeerList = { peers: [] };
      const config = { configFile: null, settings: {}, warnings: [] };
      await fixture.started({
        wait: async () => undefined,
        listPeers: () => peers,
        connectPeer: async () => ({ nodeId, path: 'direct', address: '127.0.0.1:1' }),
        disconnectPeer: async (request) => ({ nodeId: request.nodeId.repeat(8) }),
        trustPeer: async () => ({ nodeId, pinned: true }),
        untrustPeer: async () => ({ nodeId, pinned: false }),
        config: () => config,
      });
      const client = fixture.client();
      expect(await client.wait('ready', 1000)).to.deep.equal({ met: true, for: 'ready' });
      expect(await client.peers()).to.deep.equal(peers);
      expect(await client.connectPeer({ target: 'a:1', timeoutMs: 1000 })).to.deep.equal({ nodeId, path: 'direct', address: '127.0.0.1:1' });
      expect(await client.disconnectPeer({ nodeId: 'abababab' })).to.deep.equal({ nodeId });
      expect(await client.trustPeer({ target: nodeId })).to.deep.equal({ nodeId, pinned: true });
      expect(await client.untrustPeer({ target: nodeId })).to.deep.equal({ nodeId, pinned: false });
      expect(await client.config()).to.deep.equal(config);
    });

    it('the error of the node as it is', async () => {
      await fixture.started({
        wait: async () => {
          throw new MaculaError('MACULA_TIMED_OUT', 'two peers are missing', { details: { current: 1 }, hint: 'Look.' });
        },
      });
      const error = await rejection(fixture.client().wait('peers>=3', 10));
      expect(error).to.be.instanceOf(MaculaError).and.deep.include({ code: 'MACULA_TIMED_OUT', message: 'two peers are missing', hint: 'Look.', details: { current: 1 }, exitCode: 5 });
    });
  });

  describe('streams', () => {
    const ping = { nodeId, count: 2, intervalMs: 1, timeoutMs: 1000, untilDirect: false };

    it('each object when it is there, failed pings among them', async () => {
      const results: PingResult[] = [
        { seq: 1, error: { code: 'MACULA_TIMED_OUT', message: 'late' } },
        { seq: 2, rttMs: 1.5, path: 'direct', via: null },
      ];
      await fixture.started({ pingPeer: () => items(...results) });
      const seen: PingResult[] = [];
      for await (const result of fixture.client().pingPeer(ping)) seen.push(result);
      expect(seen).to.deep.equal(results);
    });

    it('an object before the next one exists', async () => {
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      await fixture.started({
        watchPeers: async function* () {
          yield { peers: [] };
          await released;
          yield { peers: [] };
        },
      });
      const stream = fixture.client().watchPeers()[Symbol.asyncIterator]();
      expect((await stream.next()).value).to.deep.equal({ peers: [] });
      release();
      expect((await stream.next()).value).to.deep.equal({ peers: [] });
      expect((await stream.next()).done).to.equal(true);
    });

    it('many and large objects whole', async () => {
      const many = Array.from({ length: 500 }, (_, seq): PingResult => ({ seq, error: { code: 'X', message: 'ü€😀'.repeat(500) } }));
      await fixture.started({ pingPeer: () => items(...many) });
      const seen: PingResult[] = [];
      for await (const result of fixture.client().pingPeer(ping)) seen.push(result);
      expect(seen).to.deep.equal(many);
    });

    it('an error that comes at once with its code', async () => {
      await fixture.started({
        pingPeer: async function* () {
          throw new MaculaError('MACULA_PEER_NOT_FOUND', 'nobody');
        },
      });
      expect((await rejection(fixture.client().pingPeer(ping)[Symbol.asyncIterator]().next())).code).to.equal('MACULA_PEER_NOT_FOUND');
    });

    it('an error that comes later with its code, after what came before it', async () => {
      await fixture.started({
        pingPeer: async function* () {
          yield { seq: 1, rttMs: 1, path: 'direct', via: null };
          throw new MaculaError('MACULA_CONNECTION_CLOSED', 'gone');
        },
      });
      const stream = fixture.client().pingPeer(ping)[Symbol.asyncIterator]();
      expect((await stream.next()).value).to.include({ seq: 1 });
      expect(await rejection(stream.next() as Promise<unknown>)).to.include({ code: 'MACULA_CONNECTION_CLOSED', message: 'gone' });
    });

    for (const how of ['the loop is left', 'its signal aborts'] as const) {
      it(`until ${how}, and the handler's signal aborts`, async () => {
        let handlerDone = (): void => undefined;
        const done = new Promise<void>((resolve) => (handlerDone = resolve));
        await fixture.started({
          watchPeers: async function* (signal) {
            yield { peers: [] };
            await aborted(signal);
            handlerDone();
          },
        });
        const controller = new AbortController();
        const stream = fixture.client().watchPeers(controller.signal)[Symbol.asyncIterator]();
        await stream.next();
        if (how === 'the loop is left') await stream.return!();
        else {
          controller.abort();
          expect((await rejection(stream.next() as Promise<unknown>)).code).to.equal('MACULA_ABORTED');
        }
        await done;
      });
    }

    it('the end of a stream whose input the node no longer reads', async () => {
      const progress = new EventEmitter();
      const answered = once(progress, 'answered');
      const written = once(progress, 'written');
      await fixture.started({
        rpc: {
          async *answerStream(_: unknown, lines: AsyncIterable<RpcAnswerLine>) {
            yield { event: 'attached' };
            for await (const line of lines) if (line.error) break; // and reads no more
            yield { event: 'end', outcome: 'failed' };
            progress.emit('answered');
          },
        } as unknown as ControlHandlers['rpc'],
      });
      async function* lines(): AsyncGenerator<RpcAnswerLine> {
        yield { error: { status: 'UNKNOWN', message: 'too much', details: {} } };
        await answered;
        try {
          // Some would meet a socket the node closed.
          for (let index = 0; index < 20; index++) {
            yield { value: 'x' };
            await new Promise(setImmediate);
          }
        } finally {
          progress.emit('written');
        }
      }
      const events: RpcAnswerStreamEvent[] = [];
      for await (const event of fixture.client().rpcAnswerStream({ callId: 'ab'.repeat(16) }, lines())) {
        events.push(event);
        if (event.event === 'attached') await written;
      }
      expect(events).to.deep.equal([{ event: 'attached' }, { event: 'end', outcome: 'failed' }]);
    });

    it('until the node stops, which does not wait for them', async () => {
      const server = await fixture.started({
        watchPeers: async function* (signal) {
          yield { peers: [] };
          await aborted(signal);
        },
      });
      const stream = fixture.client().watchPeers()[Symbol.asyncIterator]();
      await stream.next();
      await server.stop();
      expect(await rejection(stream.next() as Promise<unknown>)).to.include({ code: 'MACULA_NO_NODE', message: 'the node is stopping' });
    });
  });

  describe('that is cancelled', () => {
    it('before it asks, asks nothing', async () => {
      expect((await rejection(fixture.client().status(AbortSignal.abort()))).code).to.equal('MACULA_ABORTED');
    });

    it('while it waits, rejects at once and cancels the work of the node', async () => {
      let cancelled = (): void => undefined;
      const done = new Promise<void>((resolve) => (cancelled = resolve));
      const controller = new AbortController();
      await fixture.started({
        wait: async (_condition, _timeoutMs, signal) => {
          controller.abort();
          await aborted(signal);
          cancelled();
        },
      });
      expect((await rejection(fixture.client().wait('ready', 60_000, controller.signal))).code).to.equal('MACULA_ABORTED');
      await done;
    });
  });

  describe('stop', () => {
    it('waits until socket and process are gone', async () => {
      const server = await fixture.started({ stop: () => void server.stop().then(() => rmSync(fixture.pidFile)) });
      writeFileSync(fixture.pidFile, `${process.pid}\n`);
      expect(await fixture.client().stop(5000)).to.deep.equal({ stopped: true, pid: process.pid });
      expect((await rejection(fixture.client().status())).code).to.equal('MACULA_NO_NODE');
    });

    it('gives up after its timeout, naming the process', async () => {
      await fixture.started({ stop: () => undefined });
      const error = await rejection(fixture.client().stop(60));
      expect(error).to.deep.include({ code: 'MACULA_TIMED_OUT', message: `the node (process ${process.pid}) is still stopping after 60 ms`, details: { pid: process.pid, timeoutMs: 60 } });
    });

    it('does not wait for another node whose data directory it was told', async () => {
      const server = await fixture.started({ stop: () => void server.stop() });
      writeFileSync(fixture.pidFile, `${process.ppid}\n`);
      expect(await fixture.client().stop(5000)).to.deep.equal({ stopped: true, pid: process.pid });
    });

    it('counts a pid file left by a dead process as stopped', async () => {
      const child = spawn(process.execPath, ['-e', '']);
      await once(child, 'exit');
      const server = await fixture.started({ stop: () => void server.stop() });
      writeFileSync(fixture.pidFile, `${child.pid}\n`);
      expect(await fixture.client().stop(5000)).to.include({ stopped: true });
    });
  });

  describe('says', () => {
    it('that no node is running when there is nothing', async () => {
      const error = await rejection(fixture.client().status());
      expect(error).to.include({ code: 'MACULA_NO_NODE', exitCode: 3, message: `no node is running for ${fixture.dataDir}; start one with \`macula node start\`` });
    });

    it('that no node is running when only its socket is left', async () => {
      mkdirSync(fixture.dataDir);
      writeFileSync(fixture.socketPath, '');
      expect((await rejection(fixture.client().status())).code).to.equal('MACULA_NO_NODE');
    });

    it('that a node does not answer, with its process', async () => {
      await listen(createSocketServer());
      writeFileSync(fixture.pidFile, '4242\n');
      const error = await rejection(fixture.client({ timeoutMs: 30 }).status());
      expect(error).to.deep.include({ code: 'MACULA_NODE_NOT_ANSWERING', message: 'the node (process 4242) does not answer within 30 ms', details: { socket: fixture.socketPath, pid: 4242 } });
    });

    it('that a node does not answer when it dies meanwhile', async () => {
      await listen(createSocketServer((socket) => socket.once('data', () => socket.destroy())));
      const error = await rejection(fixture.client().status());
      expect(error).to.include({ code: 'MACULA_NODE_NOT_ANSWERING', message: `the node at ${fixture.socketPath} ended the connection before it had answered` });
    });

    for (const [what, body] of [['HTML', '<html>'], ['JSON without a version', '{}'], ['nothing', '']]) {
      it(`that what answers with ${what} is no node`, async () => {
        await listen(createServer((_request, response) => response.end(body)));
        expect((await rejection(fixture.client().status())).message).to.equal(`what answers at ${fixture.socketPath} is not a Macula node`);
      });
    }

    it('that what answers something other than HTTP is no node', async () => {
      await listen(createSocketServer((socket) => socket.end('220 smtp ready\r\n')));
      expect((await rejection(fixture.client().status())).message).to.equal(`what answers at ${fixture.socketPath} is not a Macula node`);
    });

    it('whose socket it is when it may not be used', () => {
      mkdirSync(fixture.dataDir);
      chmodSync(fixture.dataDir, 0o700);
      const address = { socketPath: fixture.socketPath, dataDir: fixture.dataDir, socketGiven: true, pidFile: fixture.pidFile };
      const error = connectionFailure(address, Object.assign(new Error('connect EACCES'), { code: 'EACCES' }));
      expect(error).to.include({ code: 'MACULA_CONTROL_REFUSED', exitCode: 6 });
      expect(error.message).to.match(/^the control socket \S+ belongs to user \S+$/);
      expect(error.hint).to.contain(`sudo -u ${String(error.details.owner)} macula`);
    });

    it('that a socket named by hand has no node', () => {
      const address = { socketPath: '/run/m.sock', dataDir: '/d', socketGiven: true, pidFile: '/d/node.pid' };
      const error = connectionFailure(address, Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' }));
      expect(error.message).to.equal('no node is running for the control socket /run/m.sock; start one with `macula node start`');
    });
  });
});
