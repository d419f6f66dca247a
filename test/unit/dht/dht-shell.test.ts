import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { contactOf } from '../../../src/lib/dht/contact.js';
import { OperationQueue } from '../../../src/lib/dht/operation-queue.js';
import { sharedKey } from '../../../src/lib/dht/record-keys.js';
import { createRecord, type SignedRecord } from '../../../src/lib/dht/record.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { recordField } from '../../../src/lib/wire/signed-record.js';
import { capture } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';
import { DhtLab, newSigner, peer, realm } from './dht-shell-lab.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const codeOf = (outcome: { error?: unknown }): string => MaculaError.from(outcome.error).code;

function foreignRecord(lab: DhtLab, name = 'key'): SignedRecord {
  const fields = { kind: 'value' as const, key: sharedKey(realm, name), sequence: 1, createdMs: lab.clock.wallMs(), ttlMs: 60_000, body: bytes('theirs') };
  return createRecord(realm, fields, newSigner());
}

function store(lab: DhtLab, record: SignedRecord): unknown {
  return lab.asked(FrameType.store, [recordField(record), null]);
}

async function started(settings: ConstructorParameters<typeof DhtLab>[0] = {}): Promise<DhtLab> {
  const lab = new DhtLab(settings);
  await lab.dht.start();
  return lab;
}

/** A DHT that knows one peer, which answered. */
async function withPeer(settings: ConstructorParameters<typeof DhtLab>[0] = {}): Promise<DhtLab> {
  const lab = await started(settings);
  lab.transport.listener!.opened(peer(1));
  await settle();
  for (const request of lab.transport.sent.splice(0)) request.answer([[]]);
  await settle();
  expect(lab.dht.nodes().map(({ nodeId }) => nodeId)).to.deep.equal([peer(1).nodeId]);
  return lab;
}

describe('DHT shell', () => {
  it('acknowledges a STORE only when the record is on disk', async () => {
    const lab = await started();
    lab.records.isHolding = true;
    let reply: unknown;
    void Promise.resolve(store(lab, foreignRecord(lab))).then((body) => (reply = body));
    await lab.clock.advanceAsync(1000);
    expect(reply).to.equal(undefined);
    lab.records.isHolding = false;
    for (const release of lab.records.held) release();
    await settle();
    expect(reply).to.deep.equal([0, null, null]);
    expect([...lab.records.entries()].some(([key]) => key !== 'time')).to.equal(true);
  });

  it('refuses a STORE that the disk does not take, and counts it', async () => {
    const lab = await started();
    lab.records.failure = new MaculaError('MACULA_STORE_FAILED', 'no space left');
    expect(await store(lab, foreignRecord(lab))).to.deep.equal([2, null, 'store-failed']);
    expect(lab.dht.stats()).to.include({ records: 0 });
    expect(lab.dht.stats().writesFailed).to.be.at.least(1);
  });

  it('answers at once what needs no disk', async () => {
    const lab = await started();
    expect(lab.asked(FrameType.findNode, [new Uint8Array(32)])).to.deep.equal([[]]);
    expect(lab.dht.stats().requestsServed).to.equal(1);
  });

  it('takes a malformed request for a violation of the protocol', async () => {
    const lab = await started();
    for (const body of [null, [], [new Uint8Array(31)], 'x']) expect(() => lab.asked(FrameType.findNode, body)).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
  });

  it('refuses requests beyond what it can hold while the disk is slow', async () => {
    const lab = await started({ dhtMaxServing: 2 });
    lab.records.isHolding = true;
    const waiting = [store(lab, foreignRecord(lab, 'a')), store(lab, foreignRecord(lab, 'b'))];
    expect(() => store(lab, foreignRecord(lab, 'c'))).to.throw(MaculaError).with.property('code', 'MACULA_OVERLOADED');
    lab.records.isHolding = false;
    for (const release of lab.records.held) release();
    expect(await Promise.all(waiting)).to.deep.equal([[0, null, null], [0, null, null]]);
  });

  it('takes over the records of an earlier run', async () => {
    const lab = await started();
    await store(lab, foreignRecord(lab));
    const next = new DhtLab();
    for (const [key, value] of lab.records.entries()) await next.records.put(key, value);
    await next.dht.start();
    expect(Buffer.from((await next.dht.get('key', { quorum: 'one' }))!.value).toString()).to.equal('theirs');
  });

  it('remembers the routing table across restarts', async () => {
    const lab = await withPeer();
    const stopped = lab.dht.stop();
    await lab.clock.advanceAsync(10_000);
    await stopped;
    const next = new DhtLab();
    await next.contacts.put('table', lab.contacts.get('table')!);
    await next.dht.start();
    await settle();
    expect(next.transport.sent.map(({ contact }) => contact)).to.deep.include(peer(1));
  });

  it('starts with whatever is written where the routing table should be', async () => {
    const good = { nodeId: peer(2).nodeId, addresses: ['127.0.0.1:4002', 'nonsense'], reachability: 'public' };
    const tables: unknown[] = ['x', 5, null, [null, 5, {}, { nodeId: 'x' }, { ...good, addresses: [] }, { ...good, reachability: 'perhaps' }, good]];
    for (const table of tables) {
      const lab = new DhtLab();
      await lab.contacts.put('table', table as never);
      await lab.dht.start();
      await settle();
      const asked = new Set(lab.transport.sent.map(({ contact }) => contact.nodeId));
      expect([...asked]).to.deep.equal(Array.isArray(table) ? [peer(2).nodeId] : []);
    }
  });

  it('ends an operation at once when its caller aborts, whatever comes of the requests made for it', async () => {
    const lab = await withPeer();
    const abort = new AbortController();
    const reading = capture(lab.dht.get('key', { signal: abort.signal, fresh: true }));
    await settle();
    const request = lab.transport.sent.find(({ type }) => type === FrameType.findValue);
    abort.abort();
    expect(codeOf(await reading)).to.equal('MACULA_ABORTED');
    expect(lab.dht.stats()).to.include({ operationsRunning: 0 });
    const { requestsInFlight } = lab.dht.stats();
    request!.answer([[], 0, []]);
    await settle();
    expect(lab.dht.stats().requestsInFlight).to.equal(requestsInFlight - 1);
  });

  it('reads a malformed answer as a failure of the peer', async () => {
    const lab = await withPeer();
    const reading = lab.dht.get('key', { fresh: true });
    await settle();
    for (const request of lab.transport.sent.splice(0)) request.answer(request.type === FrameType.findValue ? ['nonsense'] : [[]]);
    expect(await reading).to.equal(undefined);
    expect(lab.dht.stats().requestsFailed).to.include({ malformed: 1, unsent: 0 });
  });

  it('tells what each replica said when none would hold the record', async () => {
    const lab = await withPeer();
    lab.records.failure = new MaculaError('MACULA_STORE_FAILED', 'no space left');
    const putting = capture(lab.dht.put('key', bytes('x')));
    await settle();
    for (const request of lab.transport.sent.splice(0)) request.answer([[], 0, []]);
    await settle();
    for (const request of lab.transport.sent.splice(0)) request.answer([2, null, 'publisher-quota']);
    const failure = MaculaError.from((await putting).error);
    expect(failure.code).to.equal('MACULA_RECORD_REFUSED');
    expect(failure.details['answers']).to.deep.include({ nodeId: peer(1).nodeId, answer: 'refused', reason: 'publisher-quota', durationMs: 0 });
  });

  it('says by whom and with what it was overtaken', async () => {
    const lab = await withPeer();
    const putting = capture(lab.dht.put('key', bytes('x')));
    await settle();
    for (const request of lab.transport.sent.splice(0)) request.answer([[], 0, []]);
    await settle();
    const rival = newSigner();
    const fields = { kind: 'value' as const, key: sharedKey(realm, 'key'), sequence: lab.clock.wallMs() + 5, createdMs: lab.clock.wallMs(), ttlMs: 60_000, body: bytes('theirs') };
    for (const request of lab.transport.sent.splice(0)) request.answer([1, recordField(createRecord(realm, fields, rival)), null]);
    const failure = MaculaError.from((await putting).error);
    expect(failure.code).to.equal('MACULA_STALE_SEQUENCE');
    expect(failure.details['newer']).to.deep.equal({ seq: fields.sequence, publisher: rival.nodeId });
  });

  it('asks for the connections to its closest nodes to be kept', async () => {
    const lab = await withPeer();
    expect(lab.transport.kept).to.deep.equal([peer(1).nodeId]);
  });

  it('stops within the time for leaving, whether anybody answers or not', async () => {
    const lab = await withPeer({ dhtLeaveMs: 3000 });
    const providing = capture(lab.dht.provide('procedure', 'sum'));
    await settle();
    let isStopped = false;
    const stopping = lab.dht.stop().then(() => (isStopped = true));
    await lab.clock.advanceAsync(2900);
    expect(isStopped).to.equal(false);
    await lab.clock.advanceAsync(200);
    expect(isStopped).to.equal(true);
    await stopping;
    expect(codeOf(await providing)).to.equal('MACULA_ABORTED');
    expect(codeOf(await capture(lab.dht.get('key')))).to.equal('MACULA_ABORTED');
    expect(() => lab.asked(FrameType.findNode, [new Uint8Array(32)])).to.throw(MaculaError).with.property('code', 'MACULA_ABORTED');
    await lab.dht.stop();
  });

  it('waits for writes under way before it has stopped', async () => {
    const lab = await started();
    lab.records.isHolding = true;
    const storing = capture(store(lab, foreignRecord(lab)) as Promise<unknown>);
    let isStopped = false;
    const stopping = lab.dht.stop().then(() => (isStopped = true));
    await lab.clock.advanceAsync(10_000);
    expect(isStopped).to.equal(false);
    lab.records.isHolding = false;
    for (const release of lab.records.held) release();
    await stopping;
    expect(codeOf(await storing)).to.equal('MACULA_ABORTED');
  });

  it('leaves nothing behind that wakes up after it stopped', async () => {
    const lab = await withPeer();
    const stopping = lab.dht.stop();
    await lab.clock.advanceAsync(10_000);
    await stopping;
    expect(lab.clock.pendingTimers).to.equal(0);
    lab.transport.sent.length = 0;
    await lab.clock.advanceAsync(3_600_000);
    expect(lab.transport.sent).to.deep.equal([]);
  });

  it('can be started again after it was stopped', async () => {
    const lab = await withPeer();
    const stopping = lab.dht.stop();
    await lab.clock.advanceAsync(10_000);
    await stopping;
    lab.transport.open.push(contactOf(peer(3).nodeId, peer(3).addresses, 'public'));
    await lab.dht.start();
    await settle();
    expect(lab.transport.sent.map(({ contact }) => contact.nodeId)).to.include(peer(3).nodeId);
  });
});

describe('operation queue', () => {
  const settings = { dhtMaxOperations: 2, dhtMaxWaitingOperations: 2 };

  function gate(): { done: () => void; promise: Promise<void> } {
    let done!: () => void;
    const promise = new Promise<void>((resolve) => (done = resolve));
    return { done, promise };
  }

  it('runs so many at once, the others in order, and refuses what is beyond', async () => {
    const queue = new OperationQueue(settings);
    const gates = Array.from({ length: 4 }, gate);
    const begun: number[] = [];
    const runs = gates.map(({ promise }, index) => queue.run(() => {
      begun.push(index);
      return promise;
    }, undefined));
    await settle();
    expect([begun, queue.running, queue.waiting]).to.deep.equal([[0, 1], 2, 2]);
    expect(codeOf(await capture(queue.run(() => Promise.resolve(), undefined)))).to.equal('MACULA_OVERLOADED');
    gates[1]!.done();
    await settle();
    expect(begun).to.deep.equal([0, 1, 2]);
    for (const { done } of gates) done();
    await Promise.all(runs);
    expect([begun, queue.running, queue.waiting]).to.deep.equal([[0, 1, 2, 3], 0, 0]);
  });

  it('lets go of whoever aborts while waiting, and of everybody when it is cleared', async () => {
    const queue = new OperationQueue(settings);
    const gates = [gate(), gate()];
    const runs = gates.map(({ promise }) => queue.run(() => promise, undefined));
    const abort = new AbortController();
    const aborted = capture(queue.run(() => Promise.resolve(), abort.signal));
    const cleared = capture(queue.run(() => Promise.resolve(), undefined));
    abort.abort();
    expect(codeOf(await aborted)).to.equal('MACULA_ABORTED');
    queue.clear(new MaculaError('MACULA_ABORTED', 'stopping'));
    expect(codeOf(await cleared)).to.equal('MACULA_ABORTED');
    for (const { done } of gates) done();
    await Promise.all(runs);
    expect([queue.running, queue.waiting]).to.deep.equal([0, 0]);
  });

  it('goes on after an operation that failed', async () => {
    const queue = new OperationQueue({ dhtMaxOperations: 1, dhtMaxWaitingOperations: 1 });
    const failing = capture(queue.run(() => Promise.reject(new MaculaError('MACULA_TIMED_OUT', 'slow')), undefined));
    expect(await queue.run(() => Promise.resolve(5), undefined)).to.equal(5);
    expect(codeOf(await failing)).to.equal('MACULA_TIMED_OUT');
  });
});
