import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { capture } from '../../support/session-nodes.js';
import { until } from '../session/node-fixture.js';
import { DhtFixture, type DhtNode } from './dht-node-fixture.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const code = async (promise: Promise<unknown>): Promise<string | undefined> => {
  const { error } = await capture(promise);
  return error === undefined ? undefined : MaculaError.from(error).code;
};

describe('DHT over QUIC', () => {
  const fixture = new DhtFixture();
  afterEach(() => fixture.close()).timeout(30_000);

  /** Resolves when each node has all others in its routing table. */
  async function settled(nodes: readonly DhtNode[]): Promise<void> {
    await until(() => nodes.every(({ dht }) => dht.nodes().length === nodes.length - 1), 'everybody knows everybody', 15_000);
  }

  it('a node alone stores with one replica and says so', async () => {
    const node = await fixture.node();
    const put = await node.dht.put('greeting', bytes('hello'));
    expect(put).to.include({ key: 'greeting', replicas: 1, target: 1, quorum: 1 });
    expect(put.keyHash).to.match(/^[0-9a-f]{64}$/);
    expect(Date.parse(put.expiresAt)).to.be.greaterThan(Date.now());
    const got = await node.dht.get('greeting');
    expect(got).to.include({ key: 'greeting', publisher: node.nodeId, seq: put.seq, expiresAt: put.expiresAt, source: 'local', queried: 0 });
    expect(text(got!.value)).to.equal('hello');
    expect((await node.dht.get('greeting', {}))!.source).to.equal('cache');
    expect(await node.dht.get('nothing')).to.equal(undefined);
  });

  it('what is put through one node is read through every other, and traced to its holders', async () => {
    const nodes = await fixture.mesh(10);
    await settled(nodes);
    const put = await nodes[3]!.dht.put('key', Buffer.from([0, 255, 128]));
    expect(put).to.include({ replicas: 10, target: 10, quorum: 6 });
    for (const { dht, nodeId } of nodes) {
      const got = await dht.get('key', { fresh: true });
      expect([...got!.value], `through ${nodeId}`).to.deep.equal([0, 255, 128]);
      expect(got!.publisher).to.equal(nodes[3]!.nodeId);
    }
    const trace = await nodes[7]!.dht.trace('key');
    expect(trace.holders).to.have.members(nodes.map(({ nodeId }) => nodeId));
    expect(trace.steps.every(({ outcome, holds }) => outcome === 'answered' && holds)).to.equal(true);
  }).timeout(40_000);

  it('a value survives the loss of nodes that hold it and hand nothing over, and can be replaced and removed afterwards', async () => {
    const nodes = await fixture.mesh(10);
    await settled(nodes);
    await nodes[0]!.dht.put('key', bytes('one'));
    await Promise.all(nodes.slice(1, 5).map((node) => node.kill()));
    const left = [nodes[0]!, ...nodes.slice(5)];
    for (const { dht } of left) expect(text((await dht.get('key', { fresh: true }))!.value)).to.equal('one');
    const put = await left[5]!.dht.put('key', bytes('two'), { minReplicas: 3 });
    expect(put.replicas).to.be.at.least(3);
    for (const { dht } of left) expect(text((await dht.get('key', { fresh: true }))!.value)).to.equal('two');
    await left[2]!.dht.delete('key', { minReplicas: 3 });
    for (const { dht } of left) expect(await dht.get('key', { fresh: true })).to.equal(undefined);
  }).timeout(60_000);

  it('a node finds its records and the mesh again after a restart, with nobody to join through', async () => {
    const nodes = await fixture.mesh(3);
    await settled(nodes);
    const [first, second, third] = nodes as [DhtNode, DhtNode, DhtNode];
    const put = await first.dht.put('key', bytes('kept'));
    expect(put.replicas).to.equal(3);
    await third.stop();
    const back = await fixture.node({}, third);
    await until(() => back.dht.nodes().length === 2, 'it knows the others again', 15_000);
    await Promise.all([first.kill(), second.kill()]);
    expect(text((await back.dht.get('key', { quorum: 'one' }))!.value)).to.equal('kept');
    expect(back.dht.stats().records).to.equal(1);
  }).timeout(40_000);

  it('too few replicas are an error that says how many there are, unless fewer are allowed', async () => {
    const nodes = await fixture.mesh(3);
    await settled(nodes);
    const { error } = await capture(nodes[0]!.dht.put('key', bytes('x'), { minReplicas: 4 }));
    const failure = MaculaError.from(error);
    expect([failure.code, failure.exitCode, failure.message]).to.deep.equal(['MACULA_UNDER_REPLICATED', 8, '3 of 3 nodes confirmed the record, 4 were needed']);
    expect(failure.details).to.include({ replicas: 3, target: 3, quorum: 4 });
    expect(failure.details['answers']).to.have.length(3);
    expect((await nodes[0]!.dht.put('key', bytes('x'), { minReplicas: 3 })).replicas).to.equal(3);
  });

  it('compare-and-set takes place only over the expected record', async () => {
    const nodes = await fixture.mesh(4);
    await settled(nodes);
    const first = await nodes[0]!.dht.put('key', bytes('one'), { expectedSequence: 0 });
    expect(await code(nodes[1]!.dht.put('key', bytes('lost'), { expectedSequence: 0 }))).to.equal('MACULA_STALE_SEQUENCE');
    const second = await nodes[1]!.dht.put('key', bytes('two'), { expectedSequence: first.seq });
    expect(second.seq).to.be.greaterThan(first.seq);
    expect(await code(nodes[2]!.dht.put('key', bytes('lost'), { expectedSequence: first.seq }))).to.equal('MACULA_STALE_SEQUENCE');
    expect(text((await nodes[3]!.dht.get('key', { fresh: true }))!.value)).to.equal('two');
  });

  it('an owned key is another one for each owner', async () => {
    const nodes = await fixture.mesh(3);
    await settled(nodes);
    const [a, b, c] = nodes as [DhtNode, DhtNode, DhtNode];
    await a.dht.put('profile', bytes('of a'), { owned: true });
    await b.dht.put('profile', bytes('of b'), { owned: true });
    expect(text((await c.dht.get('profile', { owner: a.nodeId }))?.value)).to.equal('of a');
    expect(text((await c.dht.get('profile', { owner: b.nodeId }))?.value)).to.equal('of b');
    expect(await c.dht.get('profile')).to.equal(undefined);
  });

  it('providers are found until they withdraw or stop', async () => {
    const nodes = await fixture.mesh(5);
    await settled(nodes);
    const find = async (): Promise<string[]> => (await nodes[4]!.dht.findProviders('procedure', 'sum', { fresh: true })).providers.map(({ nodeId }) => nodeId);
    expect(await find()).to.deep.equal([]);
    for (const node of nodes.slice(0, 3)) await node.dht.provide('procedure', 'sum', bytes('v1'));
    expect(await find()).to.have.members(nodes.slice(0, 3).map(({ nodeId }) => nodeId));
    expect((await nodes[4]!.dht.findProviders('topic', 'sum', { fresh: true })).providers).to.deep.equal([]);
    await nodes[0]!.dht.unprovide('procedure', 'sum');
    expect(await find()).to.have.members([nodes[1]!.nodeId, nodes[2]!.nodeId]);
    await nodes[1]!.stop();
    expect(await find()).to.deep.equal([nodes[2]!.nodeId]);
  });

  it('every node finds every other', async () => {
    const nodes = await fixture.mesh(8);
    await settled(nodes);
    for (const { nodeId } of nodes.slice(1)) expect((await nodes[0]!.dht.findNode(nodeId)).nodes[0]!.nodeId).to.equal(nodeId);
  });

  it('200 puts and gets at once all come to their end', async () => {
    // All six share this process: where it gets little of the machine, each is slower than its peers know it.
    const nodes = await fixture.mesh(6, { dhtMinRequestTimeoutMs: 5000, dhtInitialRequestTimeoutMs: 5000, dhtMaxRequestTimeoutMs: 10_000 });
    await settled(nodes);
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
    await Promise.all(keys.map((key, index) => nodes[index % 6]!.dht.put(key, bytes(key))));
    const values = await Promise.all(keys.map((key, index) => nodes[(index + 1) % 6]!.dht.get(key)));
    expect(values.map((value) => text(value?.value))).to.deep.equal(keys);
    expect(nodes[0]!.dht.stats()).to.include({ operationsRunning: 0, operationsWaiting: 0, writesFailed: 0 });
    await until(() => nodes.every(({ dht }) => dht.stats().requestsInFlight === 0), 'all requests have ended', 15_000);
  }).timeout(40_000);

  it('what no replica would take, and what cannot be, is refused before anything is sent', async () => {
    const node = await fixture.node();
    expect(await code(node.dht.put('key', new Uint8Array(64 * 1024 + 1)))).to.equal('MACULA_VALUE_TOO_LARGE');
    expect(await code(node.dht.put('key', bytes('x'), { ttlMs: 8 * 86_400_000 }))).to.equal('MACULA_INVALID_VALUE');
    expect(await code(node.dht.put('', bytes('x')))).to.equal('MACULA_INVALID_VALUE');
    expect(await code(node.dht.put('key', bytes('x'), { minReplicas: 0 }))).to.equal('MACULA_INVALID_VALUE');
    expect(await code(node.dht.findNode('xyz'))).to.equal('MACULA_INVALID_VALUE');
    expect((await node.dht.put('key', new Uint8Array(64 * 1024))).replicas).to.equal(1);
  });
});
