import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bash, cleanEnvironment, finished, macula, onlyObject, packageRoot, type CliResult, type FailureJson } from '../support/cli.js';
import { NodeFarm, untilKnown, type NodeProcess } from '../support/node-process.js';

interface Stored {
  key: string;
  keyHash: string;
  replicas: number;
  target: number;
  quorum: number;
  seq: number;
  expiresAt: string;
  durationMs: number;
}

interface Found {
  key: string;
  value: string;
  encoding: string;
  publisher: string;
  seq: number;
  expiresAt: string;
  source: string;
  hops: number;
  queried: number;
  durationMs: number;
}

const on = (node: NodeProcess, ...args: string[]): Promise<CliResult> => macula([...args, '--data-dir', node.dataDir]);
const failure = (result: CliResult): FailureJson['error'] => onlyObject<FailureJson>(result).error;

async function json<Shape>(node: NodeProcess, ...args: string[]): Promise<Shape> {
  const result = await on(node, ...args, '--json');
  expect(result.code, result.stdout + result.stderr).to.equal(0);
  return onlyObject<Shape>(result);
}

describe('the DHT of a node that is alone', () => {
  const farm = new NodeFarm();
  let node: NodeProcess;
  before(async () => void (node = await farm.start('alone')));
  after(() => farm.close());

  it('stores a value as its only replica, and says so', async () => {
    const text = await on(node, 'dht', 'put', 'motd', 'good morning');
    expect(text.code, text.stderr).to.equal(0);
    expect(text.stdout).to.match(/^stored motd on 1 of 1 replicas \(no other node is in reach\)/);
    expect(await json<Stored>(node, 'dht', 'put', 'motd', 'good evening')).to.include({ replicas: 1, target: 1, quorum: 1 });
    expect((await on(node, 'dht', 'get', 'motd')).stdout).to.equal('good evening\n');
  });

  it('fails with 8 and keeps what it has when more replicas are asked for than there are nodes', async () => {
    const result = await on(node, 'dht', 'put', 'wanted', 'x', '--min-replicas', '2', '--json');
    expect(result.code).to.equal(8);
    expect(failure(result)).to.include({ code: 'MACULA_UNDER_REPLICATED' });
    expect(failure(result).details).to.include({ replicas: 1, target: 1, quorum: 2 });
    expect(failure(result).details.answers).to.be.an('array');
    expect((await on(node, 'dht', 'put', 'wanted', 'x', '--min-replicas', '1')).code).to.equal(0);
  });

  it('has its value again after it was killed and restarted', async () => {
    await node.end('SIGKILL');
    node = await farm.start('alone');
    expect((await on(node, 'dht', 'get', 'motd')).stdout).to.equal('good evening\n');
  });
});

describe('the DHT of three nodes', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let [first, second, third] = [] as unknown as [NodeProcess, NodeProcess, NodeProcess];

  before(async () => {
    first = await farm.start('first');
    [second, third] = await Promise.all([farm.start('second', { bootstrap: [first.url] }), farm.start('third', { bootstrap: [first.url] })]);
    const nodes = [first, second, third];
    await Promise.all(nodes.map((node) => untilKnown(node, nodes.filter((other) => other !== node))));
  });
  after(() => farm.close());

  it('keeps a value on all three, and any of them reads it', async () => {
    const stored = await json<Stored>(first, 'dht', 'put', 'city', 'Zürich', '--ttl', '1h');
    expect(stored).to.include({ key: 'city', replicas: 3, target: 3, quorum: 2 });
    expect(stored.keyHash).to.match(/^[0-9a-f]{64}$/);
    expect(Date.parse(stored.expiresAt) - Date.now()).to.be.within(55 * 60_000, 61 * 60_000);
    for (const node of [first, second, third]) {
      const found = await json<Found>(node, 'dht', 'get', 'city', '--fresh');
      expect(found).to.include({ key: 'city', value: 'Zürich', encoding: 'utf8', publisher: first.nodeId, seq: stored.seq, expiresAt: stored.expiresAt });
      expect(found).to.include.keys('source', 'hops', 'queried', 'durationMs');
    }
  });

  it('takes the newer of two values, whichever node wrote it', async () => {
    await json<Stored>(first, 'dht', 'put', 'turn', 'first');
    await json<Stored>(third, 'dht', 'put', 'turn', 'third');
    expect(await json<Found>(second, 'dht', 'get', 'turn')).to.include({ value: 'third', publisher: third.nodeId });
  });

  it('returns binary values from a file and from stdin byte for byte', async () => {
    const file = await farm.dataDir('bytes');
    writeFileSync(file, randomBytes(64 * 1024));
    const [put, get] = [`--data-dir '${first.dataDir}'`, `--data-dir '${second.dataDir}'`];
    const { code, stdout, stderr } = await bash(
      `set -e -o pipefail; macula dht put from-file '@${file}' ${put} >&2; macula dht get from-file --raw ${get} | cmp - '${file}'
       cat '${file}' | macula dht put from-stdin - ${put} >&2; macula dht get from-stdin ${get} 2>/dev/null | base64 -d | cmp - '${file}'; echo same`,
    );
    expect(stdout, stderr).to.equal('same\n');
    expect(code).to.equal(0);
    const found = await json<Found>(third, 'dht', 'get', 'from-file');
    expect(found.encoding).to.equal('base64');
    expect(Buffer.from(found.value, 'base64')).to.have.length(64 * 1024);
  });

  it('prints text as it is, an empty value and line ends included, with --raw', async () => {
    for (const text of ['', 'two\nlines\n', 'no end']) {
      await json(first, 'dht', 'put', 'text', text);
      expect((await on(second, 'dht', 'get', 'text', '--raw')).stdout).to.equal(text);
    }
  });

  it('does not read stdin unless told to', async () => {
    const args = [resolve(packageRoot, 'bin/macula.js'), 'dht', 'put', 'quiet', 'value', '--data-dir', first.dataDir];
    const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    const { code } = await finished(child);
    child.stdin.destroy();
    expect(code).to.equal(0);
  });

  it('refuses with 2 a value that is too large, in the command or in the node', async () => {
    for (const bytes of [64 * 1024 + 1, 2 * 1024 * 1024]) {
      const { code, stdout } = await bash(`head -c ${bytes} /dev/zero | macula dht put large - --json --data-dir '${first.dataDir}'`);
      expect(JSON.parse(stdout)).to.have.nested.property('error.code', 'MACULA_VALUE_TOO_LARGE');
      expect(code).to.equal(2);
    }
  });

  it('refuses --raw together with --json', async () => {
    expect((await on(first, 'dht', 'get', 'city', '--raw', '--json')).code).to.equal(2);
  });

  it('says with 4 that nothing is there', async () => {
    const [get, providers] = await Promise.all([on(second, 'dht', 'get', 'nothing', '--json'), on(second, 'dht', 'providers', 'nobody.does', '--json')]);
    for (const result of [get, providers]) {
      expect(result.code).to.equal(4);
      expect(failure(result).code).to.equal('MACULA_NOT_FOUND');
    }
  });

  it('deletes a value everywhere', async () => {
    await json(first, 'dht', 'put', 'short-lived', 'x');
    expect(await json<Stored>(second, 'dht', 'delete', 'short-lived')).to.include({ key: 'short-lived', replicas: 3 });
    for (const node of [first, second, third]) expect((await on(node, 'dht', 'get', 'short-lived')).code).to.equal(4);
  });

  it('compares and sets: a write over another sequence than expected fails with 7', async () => {
    const { seq } = await json<Stored>(first, 'dht', 'put', 'counter', '1', '--expect-seq', '0');
    const stale = await on(second, 'dht', 'put', 'counter', '1', '--expect-seq', '0', '--json');
    expect(stale.code).to.equal(7);
    expect(failure(stale)).to.include({ code: 'MACULA_STALE_SEQUENCE' });
    expect(failure(stale).details.newer).to.deep.equal({ seq, publisher: first.nodeId });
    await json(second, 'dht', 'put', 'counter', '2', '--expect-seq', String(seq));
    expect((await on(third, 'dht', 'get', 'counter')).stdout).to.equal('2\n');
  });

  it('keeps an owned key apart from one that anybody may write, and from that of another owner', async () => {
    await json(first, 'dht', 'put', 'mine', 'of the first', '--owned');
    await json(second, 'dht', 'put', 'mine', 'of the second', '--owned');
    expect((await on(third, 'dht', 'get', 'mine', '--owner', first.nodeId)).stdout).to.equal('of the first\n');
    expect((await on(third, 'dht', 'get', 'mine', '--owner', second.nodeId)).stdout).to.equal('of the second\n');
    expect((await on(third, 'dht', 'get', 'mine')).code).to.equal(4);
  });

  it('traces a lookup request by request, and names all holders', async () => {
    const result = await on(second, 'dht', 'trace', 'city', '--json');
    const lines = result.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const { summary } = lines.pop() as { summary: { holders: string[] } };
    expect(lines.map(({ nodeId }) => nodeId)).to.have.members([first.nodeId, third.nodeId]);
    for (const line of lines) expect(line).to.include({ schemaVersion: 1, outcome: 'answered', holds: true }).and.to.include.keys('hop', 'startedMs', 'durationMs', 'returned');
    expect(summary.holders).to.have.members([first.nodeId, second.nodeId, third.nodeId]);
    expect((await on(second, 'dht', 'trace', 'city')).stdout).to.include('held by 3');
  });

  it('lists the routing table, and counts in node status', async () => {
    const { nodes } = await json<{ nodes: { nodeId: string }[] }>(first, 'dht', 'nodes');
    expect(nodes.map(({ nodeId }) => nodeId)).to.have.members([second.nodeId, third.nodeId]);
    expect((await on(first, 'dht', 'nodes')).stdout).to.include(second.nodeId.slice(0, 16));
    const { dht, pool } = await json<{ dht: { nodes: number; records: number }; pool: { size: number; max: number } }>(first, 'node', 'status');
    expect(dht.nodes).to.equal(2);
    expect(dht.records).to.be.greaterThan(3);
    expect(pool).to.deep.equal({ size: 2, max: 1000 });
  });

  it('node wait --for key=K returns once another node has stored it', async () => {
    const waiting = on(third, 'node', 'wait', '--for', 'key=awaited', '--timeout', '20s', '--json');
    await json(first, 'dht', 'put', 'awaited', 'x');
    const result = await waiting;
    expect(result.code, result.stdout).to.equal(0);
    expect(onlyObject(result)).to.include({ met: true, for: 'key=awaited' });
    const late = await on(third, 'node', 'wait', '--for', 'key=never', '--timeout', '300ms', '--json');
    expect(late.code).to.equal(5);
    expect(failure(late).code).to.equal('MACULA_TIMED_OUT');
  });
});
