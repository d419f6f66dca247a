import { expect } from 'chai';
import { finished, macula, onlyObject, spawnMacula, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

interface Result {
  nodeId: string;
  kind: string;
  path: string;
  via: string;
  operations: number;
  bytes: number;
  errors: Record<string, number>;
  ratePerSecond: number;
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number };
  interrupted: boolean;
}

describe('bench', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let peer: NodeProcess;
  let own: NodeProcess;
  before(async () => {
    peer = await farm.start('peer');
    own = await farm.start('own', { bootstrap: [peer.url] });
    await own.untilConnectedTo([peer.nodeId]);
  });
  after(() => farm.close());

  const bench = (id: string, ...flags: string[]): string[] => ['bench', id, '--data-dir', own.dataDir, ...flags];

  for (const [kind, size] of [['rpc', '2KiB'], ['pubsub', '1KiB'], ['bulk', '300KiB']] as const) {
    it(`measures ${kind}: parameters, path, rate and percentiles that fit each other`, async () => {
      const result = await macula(bench(peer.nodeId.slice(0, 10), '--kind', kind, '--size', size, '--duration', '300ms', '--concurrency', '2', '--json'));
      expect(result.code, result.stdout).to.equal(0);
      const { operations, bytes, latencyMs, ...rest } = onlyObject<Result & Record<string, unknown>>(result);
      expect(rest).to.include({ nodeId: peer.nodeId, kind, durationMs: 300, concurrency: 2, path: 'direct', via: `127.0.0.1:${peer.port}`, interrupted: false });
      expect(rest.errors).to.deep.equal({});
      expect(operations).to.be.above(0);
      expect(bytes).to.equal(operations * (rest['sizeBytes'] as number));
      const { p50, p90, p99, p999, max } = latencyMs;
      expect([p50, p90, p99, p999, max]).to.deep.equal([p50, p90, p99, p999, max].sort((a, b) => a - b));
      expect(p50).to.be.above(0);
    });
  }

  it('says it to people, too, and leaves nothing behind at the peer', async () => {
    const { code, stdout, stderr } = await macula(bench(peer.nodeId, '--kind', 'pubsub', '--duration', '200ms', '--concurrency', '1'));
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(new RegExp(`^messages to ${peer.nodeId.slice(0, 8)}, direct to 127.0.0.1:${peer.port}: 1 at once, 64 B each, for 0.2 s\n`));
    expect(stdout).to.match(/messages in [\d.]+ s: [\d,.]+ a second/).and.match(/MEAN +P50 +P90 +P99 +P99\.9 +MAX\n/);
    expect(stderr, 'progress is for terminals').to.equal('');
    const running = async (): Promise<number> => (await peer.control.rpcList()).procedures.filter(({ name }) => name.startsWith('macula.bench.')).reduce((sum, procedure) => sum + procedure.running, 0);
    while ((await running()) > 0);
  });

  it('ends at Ctrl-C with what it came to until then, and 130', async () => {
    const child = spawnMacula(bench(peer.nodeId, '--duration', '5m'));
    // The parameters are printed once the load runs.
    child.stdout!.once('data', () => setTimeout(() => child.kill('SIGINT'), 500));
    const { code, stdout, stderr } = await finished(child);
    expect(code, stderr).to.equal(130);
    expect(stdout).to.match(/calls in [\d.]+ s: /);
    expect(stderr).to.include('interrupted');
  });

  it('refuses what cannot be measured: nobody of that id, the node itself, a message that is too large', async () => {
    const [nobody, itself, large] = await Promise.all([
      macula(bench('abcdef0123', '--json')),
      macula(bench(own.nodeId, '--json')),
      macula(bench(peer.nodeId, '--size', '2MiB', '--json')),
    ]);
    expect([nobody.code, itself.code, large.code]).to.deep.equal([4, 2, 2]);
    expect([nobody, itself, large].map((result) => onlyObject<FailureJson>(result).error.code)).to.deep.equal(['MACULA_PEER_NOT_FOUND', 'MACULA_SELF_DIAL', 'MACULA_VALUE_TOO_LARGE']);
  });

  it('counts what fails by its code when the peer goes meanwhile, and exits with 8', async () => {
    const mortal = await farm.start('mortal', { bootstrap: [peer.url] });
    await own.control.connectPeer({ target: mortal.url, timeoutMs: 10_000 });
    const child = spawnMacula(bench(mortal.nodeId, '--duration', '3s', '--timeout', '500ms'));
    child.stdout!.once('data', () => void mortal.end('SIGKILL'));
    const { code, stdout, stderr } = await finished(child);
    expect(code, stderr).to.be.oneOf([5, 7, 8]);
    expect(stdout).to.match(/FAILED +WITH\n[\d,]+ +MACULA_/);
  });
});
