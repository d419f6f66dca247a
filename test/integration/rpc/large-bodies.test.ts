import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaError, MaculaNode, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const MiB = 1024 * 1024;
const failureOf = (promise: Promise<unknown>): Promise<MaculaError> => promise.then(() => expect.fail('it did not fail'), (error: unknown) => MaculaError.from(error));
const filled = (bytes: number): Buffer => Buffer.alloc(bytes, 'macula');

describe('arguments and results beyond a message', function () {
  this.timeout(90_000);
  let directory: string;
  const nodes: MaculaNode[] = [];
  let server: MaculaNode;
  let client: MaculaNode;

  async function start(name: string, settings: Partial<Settings> = {}): Promise<MaculaNode> {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    nodes.push(node);
    await node.start();
    return node;
  }
  const joining = (): Partial<Settings> => ({ bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`] });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-bodies-'));
    server = await start('server', { rpcMaxBodyBytes: 24 * MiB });
    client = await start('client', joining());
    await until(() => client.dht.nodes().length === 1 && server.dht.nodes().length === 1, 'they know each other');
    await server.rpc.register('same', (args) => args);
    await server.rpc.register('length', (args) => (args as Uint8Array).length);
    await server.rpc.register('make', (bytes) => filled(bytes as number));
  });
  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });
  const nothingLeft = (): Promise<void> => until(() => [client, server].every((node) => node.rpc.stats().bufferedBytes === 0 && node.rpc.stats().calls.running === 0), 'nothing is held');
  const runs = (name: string): number => server.rpc.list().find((procedure) => procedure.name === name)!.calls;

  for (const bytes of [MiB - 1, MiB + 1, 20 * MiB]) {
    it(`carries ${bytes} bytes there, back, and both ways at once`, async () => {
      const body = filled(bytes);
      for (const node of [client, server]) {
        expect(await node.rpc.call('length', body, { timeoutMs: 60_000 })).to.equal(bytes);
        expect(body.equals(await node.rpc.call<Buffer>('make', bytes, { timeoutMs: 60_000 }))).to.equal(true);
        expect(body.equals(await node.rpc.call<Buffer>('same', body, { timeoutMs: 60_000 }))).to.equal(true);
      }
      await nothingLeft();
    });
  }

  it('runs a large idempotent call once, and gives the first answer again', async () => {
    const before = runs('make');
    const callOnce = await client.rpc.callDetailed('make', 2 * MiB, { idempotent: true, timeoutMs: 60_000 });
    expect((callOnce.result as Buffer).length).to.equal(2 * MiB);
    expect(await client.rpc.call('length', filled(2 * MiB), { idempotent: true, timeoutMs: 60_000 })).to.equal(2 * MiB);
    expect(runs('make')).to.equal(before + 1);
    await nothingLeft();
  });

  it('refuses what is over the limit of either side, arguments before anything ran', async () => {
    const [lengths, makes] = [runs('length'), runs('make')];
    for (const bytes of [24 * MiB + 1, 65 * MiB]) {
      const refused = await failureOf(client.rpc.call('length', filled(bytes), { timeoutMs: 60_000 }));
      expect([refused.code, refused.details.executed, refused.details.status]).to.deep.equal(['MACULA_VALUE_TOO_LARGE', 'no', 'RESOURCE_EXHAUSTED']);
      expect(refused.details.limitBytes).to.equal(bytes > 64 * MiB ? 64 * MiB : 24 * MiB);
    }
    expect(runs('length')).to.equal(lengths);
    const over = await failureOf(client.rpc.call('make', 24 * MiB, { timeoutMs: 60_000 }));
    expect([over.code, over.details.executed]).to.deep.equal(['MACULA_VALUE_TOO_LARGE', 'yes']);
    const modest = await start('modest', { ...joining(), rpcMaxBodyBytes: 2 * MiB });
    const large = await failureOf(modest.rpc.call('make', 3 * MiB, { node: server.nodeId, timeoutMs: 60_000 }));
    expect([large.code, large.details.executed, large.details.limitBytes], 'the limit of the caller').to.deep.equal(['MACULA_VALUE_TOO_LARGE', 'yes', 2 * MiB]);
    expect(runs('make')).to.equal(makes + 2);
    await modest.stop();
    expect((await failureOf(client.rpc.call('macula.none', filled(2 * MiB), { node: server.nodeId }))).code, 'an unknown procedure is known before its arguments come').to.equal('MACULA_NO_PROVIDER');
  });

  it('ends at once when it is cancelled in the middle, either way', async () => {
    // The receiving end stands still while the test looks: one thread carries all nodes here.
    const before = runs('length');
    const sending = new AbortController();
    const sent = failureOf(client.rpc.call('length', filled(20 * MiB), { timeoutMs: 60_000, signal: sending.signal }));
    await until(() => server.rpc.stats().bufferedBytes > MiB, 'arguments are coming');
    sending.abort();
    expect((await sent).code).to.equal('MACULA_ABORTED');
    const receiving = new AbortController();
    const received = failureOf(client.rpc.call('make', 20 * MiB, { timeoutMs: 60_000, signal: receiving.signal }));
    await until(() => client.rpc.stats().bufferedBytes > MiB, 'a result is coming');
    receiving.abort();
    expect((await received).code).to.equal('MACULA_ABORTED');
    await nothingLeft();
    expect(runs('length'), 'what did not come whole does not run').to.equal(before);
  });

  it('fails with what is known when the provider is lost in the middle', async () => {
    // Slow senders, so that the middle is hit.
    const slow = { drainTimeoutMs: 0, egressPerPeerBytes: 4 * MiB };
    const provider = await start('provider', { ...joining(), ...slow });
    await provider.rpc.register('big', () => filled(20 * MiB));
    const receiving = failureOf(client.rpc.call('big', null, { node: provider.nodeId, timeoutMs: 60_000 }));
    await until(() => client.rpc.stats().bufferedBytes > MiB, 'the result is coming');
    await provider.stop();
    expect([(await receiving).code, (await receiving).details.executed]).to.deep.equal(['MACULA_CONNECTION_CLOSED', 'yes']);

    const [caller, other] = [await start('caller', { ...joining(), ...slow }), await start('other', { ...joining(), drainTimeoutMs: 0 })];
    let ran = false;
    await other.rpc.register('eat', () => (ran = true));
    const sending = failureOf(caller.rpc.call('eat', filled(20 * MiB), { node: other.nodeId, timeoutMs: 60_000 }));
    await until(() => other.rpc.stats().bufferedBytes > MiB, 'the arguments are coming');
    await other.stop();
    expect([(await sending).code, (await sending).details.executed, ran]).to.deep.equal(['MACULA_CONNECTION_CLOSED', 'maybe', false]);
    expect(caller.rpc.stats().bufferedBytes).to.equal(0);
    await caller.stop();
    await nothingLeft();
  });

  it('holds no more than the budget of one peer for answers that nobody fetches', async () => {
    const tight = await start('tight', { ...joining(), rpcBufferBytes: 6 * MiB });
    await tight.rpc.register('make', (bytes) => filled(bytes as number));
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => client.rpc.call('make', 2 * MiB, { node: tight.nodeId, timeoutMs: 60_000 }).then(() => 'right', (error: unknown) => MaculaError.from(error).code)));
    expect(new Set(outcomes)).to.have.keys('right', 'MACULA_OVERLOADED');
    await until(() => tight.rpc.stats().bufferedBytes === 0, 'all is let go');
  });
});
