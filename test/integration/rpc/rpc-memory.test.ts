import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode, type Settings } from '../../../src/lib/index.js';
import { bytesInUse } from '../../support/bytes-in-use.js';
import { until } from '../session/node-fixture.js';

const calls = 10_000;
const bursts = 2;
/** Of each argument; a quarter of what the bursts carry may be left of them. */
const argumentBytes = 1024;
const leftBytes = (bursts * calls * argumentBytes) / 4;

describe('memory of remote procedure calls', function () {
  this.timeout(90_000);
  let directory: string;
  const nodes: MaculaNode[] = [];

  async function start(name: string, given: Partial<Settings>): Promise<MaculaNode> {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...given });
    nodes.push(node);
    await node.start();
    return node;
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-rpc-memory-'));
  });
  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  it('is back where it was after 10,000 calls at once, idempotent ones included', async () => {
    const rpcMemoryBytes = 1024 * 1024;
    const server = await start('server', { maxRequestsPerPeer: calls, maxRequests: calls, rpcMemoryBytes });
    const client = await start('client', { bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`], rpcMaxCalls: calls, rpcMaxCallsPerPeer: calls });
    await until(() => client.dht.nodes().length === 1 && server.dht.nodes().length === 1, 'they know each other');
    await server.rpc.register('size', async (args) => (args as Buffer).length, { concurrency: calls });
    const burst = async (idempotent: boolean): Promise<void> => {
      const all = Array.from({ length: calls }, () => client.rpc.call('size', Buffer.alloc(argumentBytes), { timeoutMs: 60_000, idempotent }));
      expect(new Set(await Promise.all(all))).to.deep.equal(new Set([argumentBytes]));
    };
    // What the first ones leave behind for good, compiled code for one, is no leak.
    await burst(true);
    const before = await bytesInUse();
    for (let count = 0; count < bursts; count++) await burst(count === 0);
    expect((await bytesInUse()) - before, 'bytes left').to.be.at.most(leftBytes);
    expect([client.rpc.stats().calls.running, server.rpc.stats().calls.running]).to.deep.equal([0, 0]);
    expect(server.rpc.stats().remembered, 'as many answers as the setting lets it keep').to.be.within(1, rpcMemoryBytes / 256);
  });
});
