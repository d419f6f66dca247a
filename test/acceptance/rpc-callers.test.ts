import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { delay } from '../../src/lib/base/abort.js';
import { systemClock } from '../../src/lib/base/clock.js';
import { MaculaError, MaculaNode, type CallContext, type Settings } from '../../src/lib/index.js';
import { until } from '../integration/session/node-fixture.js';
import { cleanEnvironment, spawnMacula } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

/** Far beyond the deadline of everything else here: what ends a call ends it because its caller is gone. */
const longMs = 600_000;

describe('a caller that goes away while its call is served', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  let server!: MaculaNode;
  let caller: NodeProcess;
  /** Why handlers were told to stop, and when. */
  const cancelled: { readonly code: string; readonly atMs: number }[] = [];
  const started: ChildProcess[] = [];

  /** Serves `waits`; `until` below has no patience for what only the silence of a peer tells a node of default settings. */
  async function startServer(name: string, settings: Partial<Settings> = {}): Promise<void> {
    await server?.stop();
    server = new MaculaNode({ dataDir: await farm.dataDir(name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    await server.start();
    await server.rpc.register('waits', (_args, { signal }: CallContext) =>
      delay(systemClock, longMs, signal).catch((error: unknown) => {
        cancelled.push({ code: MaculaError.from(error).code, atMs: performance.now() });
        throw error;
      }),
    );
  }

  before(async () => {
    await startServer('server');
    caller = await startCaller('caller');
  });
  beforeEach(() => void (cancelled.length = 0));
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });
  after(async () => {
    await server.stop();
    await farm.close();
  });

  async function startCaller(name: string): Promise<NodeProcess> {
    const node = await farm.start(name, { bootstrap: [`https://127.0.0.1:${server.listen[0]!.port}`] });
    await until(() => server.peers.listPeers().some((peer) => peer.nodeId === node.nodeId && peer.state === 'connected'), 'they are connected');
    return node;
  }

  const running = (): number => server.rpc.list().find(({ name }) => name === 'waits')!.running;
  const untilRunning = (count: number): Promise<void> => until(() => running() === count, `${count} are served`);

  /** Whatever happens to the caller at once cancels so many calls, and leaves nothing pending here. */
  async function cancels(count: number, what: () => unknown): Promise<void> {
    await untilRunning(count);
    const beginMs = performance.now();
    await what();
    await until(() => cancelled.length === count, 'the handlers were told');
    console.log(`      told after ${Math.round(cancelled.at(-1)!.atMs - beginMs)} ms`);
    await untilRunning(0);
    expect(server.rpc.stats()).to.deep.include({ watched: 0, remembered: 0 });
  }

  async function nothingPendingAt(node: NodeProcess): Promise<void> {
    while ((await node.control.rpcList()).calls.running > 0);
  }

  const call = (node: NodeProcess, idempotent = false): Promise<unknown> => {
    const request = { procedure: 'waits', args: null, node: server.nodeId, idempotent, timeoutMs: longMs };
    return node.control.rpcCall(request).then(() => expect.fail('it was answered'), (error: unknown) => MaculaError.from(error).code);
  };

  for (const [how, signal, exit] of [['Ctrl-C', 'SIGINT', 130], ['kill -9', 'SIGKILL', null]] as const) {
    it(`cancels what \`rpc call\` waits for when ${how} ends it`, async () => {
      const child = spawnMacula(['rpc', 'call', 'waits', '--timeout', '10m', '--data-dir', caller.dataDir]);
      started.push(child);
      const ended = once(child, 'exit');
      await cancels(1, () => child.kill(signal));
      expect((await ended)[0]).to.equal(exit);
      expect(cancelled[0]!.code).to.equal('MACULA_ABORTED');
      await nothingPendingAt(caller);
    });
  }

  it('cancels the calls of a curl that is killed, each of several', async () => {
    const body = JSON.stringify({ procedure: 'waits', timeoutMs: longMs });
    const line = ['--silent', '--unix-socket', caller.ready.controlSocket, 'http://node/v1/rpc/call', '-H', 'content-type: application/json', '-d', body];
    for (let client = 0; client < 3; client++) started.push(spawn('curl', line, { stdio: 'ignore', env: cleanEnvironment() }));
    await cancels(3, () => started.forEach((child) => child.kill('SIGKILL')));
    await nothingPendingAt(caller);
  });

  it('cancels the calls of a peer that closes the session, and tells their callers that they may have run', async () => {
    // Not idempotent: such a call would be made again at once.
    const calls = [call(caller), call(caller)];
    await cancels(2, () => caller.control.disconnectPeer({ nodeId: server.nodeId }));
    expect(await Promise.all(calls)).to.deep.equal(['MACULA_CONNECTION_CLOSED', 'MACULA_CONNECTION_CLOSED']);
    await nothingPendingAt(caller);
    await caller.control.connectPeer({ target: `https://127.0.0.1:${server.listen[0]!.port}`, timeoutMs: 10_000 });
  });

  it('cancels the calls of a node that is stopped by SIGTERM', async () => {
    const node = await startCaller('stopped');
    const calls = [call(node), call(node, true)];
    await cancels(2, () => node.child.kill('SIGTERM'));
    for (const code of await Promise.all(calls)) expect(code).to.be.oneOf(['MACULA_NO_NODE', 'MACULA_ABORTED']);
    expect(await node.end()).to.equal(0);
  });

  it('cancels the calls of a node that was killed with -9 once it has been silent for too long: nothing says so sooner', async () => {
    // Given up after four seconds instead of thirty.
    await startServer('impatient', { keepaliveIntervalMs: 1000, requestTimeoutMs: 1000 });
    const node = await startCaller('killed');
    const calls = [call(node), call(node, true)];
    await cancels(2, () => node.end('SIGKILL'));
    expect(cancelled.map(({ code }) => code)).to.deep.equal(['MACULA_CONNECTION_CLOSED', 'MACULA_CONNECTION_CLOSED']);
    await Promise.all(calls);
  });
});
