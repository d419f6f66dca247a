import { expect } from 'chai';
import type { Contact } from '../../../src/lib/dht/contact.js';
import type { DhtEffect } from '../../../src/lib/dht/dht-events.js';
import type { GetResult, NodesResult, ProvidersResult, StoreResult, TraceResult } from '../../../src/lib/dht/dht-operations.js';
import type { DhtReply } from '../../../src/lib/dht/dht-requests.js';
import { procedureKey, sharedKey } from '../../../src/lib/dht/record-keys.js';
import { decodeRecord, type SignedRecord } from '../../../src/lib/dht/record.js';
import { internet } from '../../sim/dht/network-model.js';
import { SimNetwork } from '../../sim/dht/sim-network.js';
import { realmId, type SimNode } from '../../sim/dht/sim-node.js';

const hour = 3_600_000;
const key = sharedKey(realmId, 'greeting');
const network = (nodes: number): SimNetwork => new SimNetwork({ seed: 5, nodes, model: internet, converged: true });
const text = (record: SignedRecord | undefined): string | undefined => {
  const decoded = record && decodeRecord(record);
  return decoded?.ok ? Buffer.from(decoded.record.body).toString() : undefined;
};
const put = (net: SimNetwork, node: SimNode, value: string, more: { expectedSequence?: number; minReplicas?: number } = {}): StoreResult =>
  net.finish<StoreResult>(node, { type: 'put', key, body: Buffer.from(value), ttlMs: hour, ...more });
const get = (net: SimNetwork, node: SimNode, fresh = false): GetResult => net.finish<GetResult>(node, { type: 'get', key, fresh });
const replies = (effects: readonly DhtEffect[]): DhtReply[] => effects.flatMap((effect) => (effect.type === 'reply' ? [effect.reply] : []));
const at = (net: SimNetwork, index: number): SimNode => net.live[index]!;

/** Hands a record to a node as a peer would, and returns all it does about it before anything is on disk. */
function offer(net: SimNetwork, node: SimNode, record: SignedRecord): DhtEffect[] {
  return node.core!.handle({ type: 'request-received', replyTo: 1_000_000, from: at(net, 1).contact, request: { type: 'store', record, expectedSequence: undefined } }, net.nowMs);
}

describe('DHT core', () => {
  it('stores with one replica when it is alone, and says so', () => {
    const net = network(1);
    expect(put(net, at(net, 0), 'hello')).to.include({ outcome: 'stored', confirmed: 1, target: 1, quorum: 1 });
    expect(get(net, at(net, 0))).to.include({ source: 'local' });
  });

  it('stores on the twenty closest and reads through any node, the second time from its cache', () => {
    const net = network(60);
    const stored = put(net, at(net, 0), 'hello');
    expect(stored).to.include({ outcome: 'stored', target: 20, quorum: 11 });
    expect(stored.confirmed).to.be.at.least(11);
    // Replicas that took longer than the put waited have it by now.
    net.run(5000);
    for (const reader of [at(net, 7), at(net, 31)]) expect(text(get(net, reader).record)).to.equal('hello');
    expect(get(net, at(net, 31)).source).to.equal('cache');
    const trace = net.finish<TraceResult>(at(net, 2), { type: 'trace', key });
    expect(trace.holders).to.include.members(stored.replicas.map(({ contact }) => contact.nodeId)).and.have.length.of.at.least(20);
  });

  it('asks whom it has just met while its routing table is empty', () => {
    const net = network(1);
    const stranger = network(2).live[1]!.contact;
    const { core } = at(net, 0);
    core!.handle({ type: 'peer-opened', contact: stranger }, net.nowMs);
    const effects = core!.handle({ type: 'operation', operationId: 77, operation: { type: 'get', key, quorum: 'newest', fresh: false } }, net.nowMs);
    const asked = effects.flatMap((effect) => (effect.type === 'request' && effect.request.type === 'find-value' ? [effect.contact.nodeId] : []));
    expect(asked).to.deep.equal([stranger.nodeId]);
  });

  it('names a connected node to those who look for it, with what it last said of itself, before it has a place in the routing table', () => {
    const net = network(1);
    const [asking, stranger] = network(2).live.map(({ contact }) => contact) as [Contact, Contact];
    const { core } = at(net, 0);
    const lookFor = (target: Uint8Array): string[] => {
      const [reply] = replies(core!.handle({ type: 'request-received', replyTo: 5, from: asking, request: { type: 'find-node', target } }, net.nowMs));
      return reply?.type === 'contacts' ? reply.contacts.flatMap(({ nodeId, relays }) => (nodeId === asking.nodeId ? [] : [`${nodeId} ${relays.length}`])) : [];
    };
    expect(lookFor(stranger.id)).to.deep.equal([]);
    core!.handle({ type: 'peer-opened', contact: stranger }, net.nowMs);
    expect(lookFor(stranger.id)).to.deep.equal([`${stranger.nodeId} 0`]);
    const relays = [{ nodeId: asking.nodeId, addresses: asking.addresses }];
    core!.handle({ type: 'request-received', replyTo: 6, from: { ...stranger, relays }, request: { type: 'find-node', target: asking.id } }, net.nowMs);
    expect(lookFor(stranger.id)).to.deep.equal([`${stranger.nodeId} 1`]);
    core!.handle({ type: 'peer-closed', nodeId: stranger.nodeId }, net.nowMs);
    expect(lookFor(stranger.id).filter((each) => each.endsWith(' 1'))).to.deep.equal([]);
  });

  it('asks a neighbour whose session ended for a sign of life after a pause, the one with the smaller id first, and not where it came back', () => {
    const net = network(2);
    const [smaller, larger] = net.live.toSorted((a, b) => Buffer.compare(a.contact.id, b.contact.id)) as [SimNode, SimNode];
    const pauses: [SimNode, SimNode, number][] = [[smaller, larger, 500], [larger, smaller, 1000]];
    for (const [node, { contact }, pauseMs] of pauses) {
      let { nowMs } = net;
      const core = node.core!;
      const requests = (effects: readonly DhtEffect[]): number => effects.filter(({ type }) => type === 'request').length;
      const leaves = (): number => requests(core.handle({ type: 'peer-closed', nodeId: contact.nodeId }, nowMs));
      const comes = (): unknown => core.handle({ type: 'peer-opened', contact }, nowMs);
      const askedWithin = (ms: number): number => requests(core.handleTimeout((nowMs += ms)));
      comes();
      expect([leaves(), askedWithin(pauseMs - 1), askedWithin(1)]).to.deep.equal([0, 0, 1]);
      leaves();
      comes();
      expect(askedWithin(2 * pauseMs), 'it is back').to.equal(0);
      leaves();
      leaves();
      expect(askedWithin(2 * pauseMs), 'left twice, asked once').to.equal(1);
    }
  });

  it('finds where a node is without asking that node, and finds nothing of one nobody knows', () => {
    const net = network(200);
    const asker = at(net, 0);
    const far = net.live.slice(1).find(({ contact }) => asker.core!.contact(contact.nodeId) === undefined)!;
    const found = net.finish<NodesResult>(asker, { type: 'find-contact', nodeId: far.contact.nodeId });
    expect(found.contacts.map(({ nodeId, addresses }) => ({ nodeId, addresses }))).to.deep.equal([{ nodeId: far.contact.nodeId, addresses: far.contact.addresses }]);
    // The node itself had said nothing by then: it was never heard of.
    expect(asker.core!.contact(far.contact.nodeId)).to.equal(undefined);
    expect(net.finish<NodesResult>(asker, { type: 'find-contact', nodeId: 'ab'.repeat(32) }).contacts).to.deep.equal([]);
  });

  it('says that nothing is there', () => {
    const net = network(30);
    expect(get(net, at(net, 0))).to.include({ record: undefined, source: 'network' });
  });

  it('reads the newest of two writes, everywhere', () => {
    const net = network(60);
    put(net, at(net, 0), 'first');
    put(net, at(net, 9), 'second');
    expect(text(get(net, at(net, 20), true).record)).to.equal('second');
  });

  it('finds nothing any more after a delete', () => {
    const net = network(40);
    put(net, at(net, 0), 'hello');
    expect(net.finish<StoreResult>(at(net, 3), { type: 'delete', key })).to.include({ outcome: 'stored' });
    expect(get(net, at(net, 5), true).record).to.equal(undefined);
  });

  it('writes only over the expected sequence, and shows what is there instead', () => {
    const net = network(40);
    const first = put(net, at(net, 0), 'first', { expectedSequence: 0 });
    const second = put(net, at(net, 1), 'second', { expectedSequence: 0 });
    expect(second).to.include({ outcome: 'stale', confirmed: 0 });
    expect(text(second.newer)).to.equal('first');
    expect(put(net, at(net, 1), 'third', { expectedSequence: first.sequence })).to.include({ outcome: 'stored' });
  });

  it('calls a write by too few replicas what it is, unless so few are allowed', () => {
    const net = network(30);
    for (const node of net.live.slice(4)) net.kill(node);
    const result = put(net, at(net, 0), 'hello');
    expect(result.outcome).to.equal('under-replicated');
    expect(result.confirmed).to.equal(4);
    expect(result.quorum).to.equal(11);
    expect(put(net, at(net, 1), 'hello', { minReplicas: 2 })).to.include({ outcome: 'stored', confirmed: 4 });
  });

  it('confirms a record to the peer only once it is on disk', () => {
    const net = network(30);
    const { record } = put(net, at(net, 0), 'hello');
    const keeper = network(2).live[0]!;
    const effects = offer(net, keeper, record);
    const writes = effects.flatMap((effect) => (effect.type === 'write' ? [effect.writeId] : []));
    expect(writes).to.have.length.above(0);
    expect(replies(effects)).to.deep.equal([]);
    const after = writes.flatMap((writeId) => keeper.core!.handle({ type: 'written', writeId }, net.nowMs));
    expect(replies(after)).to.deep.equal([{ type: 'stored' }]);
  });

  it('refuses and does not serve a record it could not write', () => {
    const net = network(30);
    const { record } = put(net, at(net, 0), 'hello');
    const keeper = network(2).live[0]!;
    const after = offer(net, keeper, record).flatMap((effect) => (effect.type === 'write' ? keeper.core!.handle({ type: 'write-failed', writeId: effect.writeId }, net.nowMs) : []));
    expect(replies(after)).to.deep.equal([{ type: 'refused', reason: 'store-failed' }]);
    expect(keeper.core!.stats().records).to.equal(0);
  });

  it('answers an older record with the newer one, and a forged one with a refusal', () => {
    const net = network(10);
    const first = put(net, at(net, 0), 'first');
    const second = put(net, at(net, 0), 'second');
    const isHolder = ({ answer, contact }: StoreResult['replicas'][number]): boolean => answer.type === 'stored' && contact.nodeId !== at(net, 0).contact.nodeId;
    const holder = net.byId.get(second.replicas.find(isHolder)!.contact.nodeId)!;
    expect(replies(offer(net, holder, first.record))).to.deep.equal([{ type: 'newer', record: second.record }]);
    const forged = { payload: second.record.payload, signature: Buffer.alloc(64) };
    expect(replies(offer(net, holder, forged))).to.deep.equal([{ type: 'refused', reason: 'forged' }]);
  });

  it('refuses a value beyond 64 KiB before asking anybody', () => {
    const net = network(5);
    expect(() => put(net, at(net, 0), 'x'.repeat(70_000))).to.throw().with.property('code', 'MACULA_VALUE_TOO_LARGE');
  });

  it('finds providers, forgets those it cached when one fails, and those that withdrew', () => {
    const net = network(40);
    const service = procedureKey(realmId, 'add');
    for (const index of [3, 4]) net.finish(at(net, index), { type: 'provide', key: service, body: Buffer.from('here') });
    const find = (): ProvidersResult => net.finish<ProvidersResult>(at(net, 9), { type: 'find-providers', key: service });
    expect(find().records).to.have.length(2);
    expect(find().source).to.equal('cache');
    net.finish(at(net, 9), { type: 'provider-failed', nodeId: at(net, 3).contact.nodeId });
    expect(find().source).to.equal('network');
    net.finish(at(net, 3), { type: 'unprovide', key: service });
    net.finish(at(net, 9), { type: 'provider-failed', nodeId: at(net, 3).contact.nodeId });
    expect(find().records).to.have.length(1);
  });

  it('keeps announcing what it provides for as long as it lives, and no longer', () => {
    const net = network(40);
    const service = procedureKey(realmId, 'add');
    net.finish(at(net, 3), { type: 'provide', key: service, body: Buffer.from('here') });
    const find = (): ProvidersResult => net.finish<ProvidersResult>(at(net, 9), { type: 'find-providers', key: service, fresh: true });
    net.run(30 * 60_000);
    expect(find().records).to.have.length(1);
    net.kill(at(net, 3));
    net.run(11 * 60_000);
    expect(net.finish<ProvidersResult>(at(net, 8), { type: 'find-providers', key: service, fresh: true }).records).to.have.length(0);
  });

  it('mends a holder that missed a write when it reads', () => {
    const net = network(60);
    const first = put(net, at(net, 0), 'first');
    const holder = net.byId.get(first.replicas.find(({ contact }) => contact.nodeId !== at(net, 0).contact.nodeId)!.contact.nodeId)!;
    holder.side = 1;
    net.partitioned = true;
    put(net, at(net, 0), 'second');
    net.partitioned = false;
    net.finish<GetResult>(at(net, 1), { type: 'get', key, quorum: 'majority', fresh: true });
    net.run(10_000);
    const held = holder.core!.handle({ type: 'request-received', replyTo: 1_000_001, from: at(net, 1).contact, request: { type: 'find-value', key: key.bytes } }, net.nowMs);
    const [reply] = replies(held);
    expect(reply?.type === 'records' && text(reply.records[0])).to.equal('second');
  });

  it('gives records away when it leaves', () => {
    const net = network(60);
    const stored = put(net, at(net, 0), 'hello');
    const holders = new Set(stored.replicas.map(({ contact }) => contact.nodeId));
    for (const nodeId of holders) {
      const holder = net.byId.get(nodeId)!;
      net.finish(holder, { type: 'leave' });
      net.kill(holder);
    }
    expect(text(get(net, at(net, 1), true).record)).to.equal('hello');
  });

  it('says nothing more of an operation that was aborted', () => {
    const net = network(20);
    const { core } = at(net, 0);
    const effects = core!.handle({ type: 'operation', operationId: 77, operation: { type: 'get', key } }, net.nowMs);
    core!.handle({ type: 'abort', operationId: 77 }, net.nowMs);
    for (const effect of effects) {
      if (effect.type !== 'request') continue;
      const after = core!.handle({ type: 'reply-received', requestId: effect.requestId, reply: { type: 'records', records: [], total: 0, contacts: [] } }, net.nowMs);
      expect(after.filter(({ type }) => type === 'finished')).to.deep.equal([]);
    }
    expect(core!.stats().operations).to.equal(0);
  });
});
