import { expect } from 'chai';
import { nodeIdToBytes } from '../../../src/lib/identity/node-id.js';
import type { Signer } from '../../../src/lib/identity/signing.js';
import { peerKey, procedureKey, sharedKey, type RecordKey } from '../../../src/lib/dht/record-keys.js';
import { RecordStoreCore, type OfferResult, type RecordStoreLimits } from '../../../src/lib/dht/record-store-core.js';
import type { DecodedRecord, RecordFields } from '../../../src/lib/dht/record.js';
import { entryOverheadBytes } from '../../../src/lib/dht/stored-record.js';
import { compareDistance } from '../../../src/lib/dht/xor.js';
import { fakeSigner } from '../../support/fake-signer.js';
import { alice, bob, day, hour, keys, realm, recordOf, wallMs } from './record-fixtures.js';

const ownId = nodeIdToBytes(fakeSigner('replica').nodeId);
const limits: RecordStoreLimits = { maxBytes: 1 << 20, maxBytesPerSource: 1 << 19, maxRecordsPerPublisher: 1000, maxProvidersPerKey: 1000, maxSequenceMarks: 1000 };

/** A store, its time, and the short forms the tests speak in. */
function storeWith(changes: Partial<RecordStoreLimits> = {}): {
  readonly core: RecordStoreCore;
  offer(record: DecodedRecord, options?: { source?: string; expected?: number; atMs?: number }): OfferResult;
  say(record: DecodedRecord, options?: { source?: string; expected?: number; atMs?: number }): string;
} {
  const core = new RecordStoreCore(ownId, { ...limits, ...changes });
  const offer = (record: DecodedRecord, options: { source?: string; expected?: number; atMs?: number } = {}): OfferResult => {
    const { source, expected, atMs = 0 } = options;
    const result = core.offer({ record, source, expectedSequence: expected }, atMs, wallMs + atMs);
    if (result.kind === 'accepted') core.written(result.entry);
    return result;
  };
  const say = (record: DecodedRecord, options = {}): string => {
    const result = offer(record, options);
    return result.kind === 'refused' ? result.reason : result.kind;
  };
  return { core, offer, say };
}

const valueOf = (signer: Signer, sequence: number, fields: Partial<RecordFields> = {}): DecodedRecord => recordOf(keys.shared, signer, { sequence, ...fields });
const numbered = (index: number): RecordKey => sharedKey(realm, `value ${index}`);

describe('a store of records', () => {
  it('serves what it accepted, and nothing under other keys', () => {
    const { core, offer } = storeWith();
    const record = valueOf(alice, 1);
    const result = offer(record);
    expect(result.kind).to.equal('accepted');
    expect(result.effects.map(({ type, key }) => `${type} ${key}`)).to.deep.equal([`write record/${record.keyHex}`]);
    expect(core.get(keys.shared.bytes, 0)?.signed).to.equal(record.signed);
    expect(core.get(keys.owned.bytes, 0)).to.equal(undefined);
    expect([core.size, core.bytes]).to.deep.equal([1, record.signed.payload.length + 32 + entryOverheadBytes]);
  });

  const [low, high] = alice.nodeId < bob.nodeId ? [alice, bob] : [bob, alice];
  const second: readonly (readonly [what: string, first: DecodedRecord, second: DecodedRecord, expected: number | undefined, says: string])[] = [
    ['a higher sequence', valueOf(alice, 5), valueOf(alice, 6), undefined, 'accepted'],
    ['a higher sequence of another publisher', valueOf(alice, 5), valueOf(bob, 6), undefined, 'accepted'],
    ['the same record again', valueOf(alice, 5), valueOf(alice, 5), undefined, 'accepted'],
    ['a lower sequence', valueOf(alice, 5), valueOf(alice, 4), undefined, 'newer'],
    ['a lower sequence of another publisher', valueOf(alice, 5), valueOf(bob, 4), undefined, 'newer'],
    ['the same sequence of the higher publisher', valueOf(low, 5), valueOf(high, 5), undefined, 'accepted'],
    ['the same sequence of the lower publisher', valueOf(high, 5), valueOf(low, 5), undefined, 'newer'],
    ['the same sequence, refreshed', valueOf(alice, 5), valueOf(alice, 5, { createdMs: wallMs + 1 }), undefined, 'accepted'],
    ['the same sequence, made earlier', valueOf(alice, 5), valueOf(alice, 5, { createdMs: wallMs - 1 }), undefined, 'newer'],
    ['a removal of the same sequence', valueOf(alice, 5), valueOf(alice, 5, { kind: 'tombstone' }), undefined, 'accepted'],
    ['a value after its removal', valueOf(alice, 5, { kind: 'tombstone' }), valueOf(alice, 5), undefined, 'newer'],
    ['a newer value after a removal', valueOf(alice, 5, { kind: 'tombstone' }), valueOf(alice, 6), undefined, 'accepted'],
    ['the sequence expected', valueOf(alice, 5), valueOf(bob, 6), 5, 'accepted'],
    ['a later sequence expected than this replica has', valueOf(alice, 5), valueOf(bob, 8), 7, 'accepted'],
    ['an earlier sequence expected', valueOf(alice, 5), valueOf(bob, 6), 4, 'newer'],
    ['nothing expected where something is', valueOf(alice, 5), valueOf(bob, 6), 0, 'newer'],
    ['nothing expected where something was removed', valueOf(alice, 5, { kind: 'tombstone' }), valueOf(bob, 6), 0, 'newer'],
    ['the same record again although nothing was expected', valueOf(alice, 5), valueOf(alice, 5), 0, 'accepted'],
    ['an expectation that the new record does not exceed', valueOf(alice, 5), valueOf(alice, 4), 5, 'newer'],
  ];
  for (const [what, before, after, expected, says] of second) {
    it(`says ${says} to ${what}`, () => {
      const { core, offer } = storeWith();
      offer(before);
      const result = offer(after, { expected });
      expect(result.kind).to.equal(says);
      if (result.kind === 'newer') expect(result.record).to.equal(before.signed);
      const held = core.get(keys.shared.bytes, 0)!.signed;
      expect(Buffer.compare(held.payload, (says === 'accepted' ? after : before).signed.payload)).to.equal(0);
    });
  }

  it('takes the first record with nothing expected, or with more than there is', () => {
    expect(storeWith().say(valueOf(alice, 5), { expected: 0 })).to.equal('accepted');
    expect(storeWith().say(valueOf(alice, 5), { expected: 4 })).to.equal('accepted');
  });

  it('answers as removed until the tombstone expires, and takes nothing older after that', () => {
    const { core, offer, say } = storeWith();
    offer(valueOf(alice, 5));
    offer(valueOf(alice, 6, { kind: 'tombstone', ttlMs: hour }));
    expect(core.get(keys.shared.bytes, hour - 1)?.kind).to.equal('tombstone');
    expect(core.get(keys.shared.bytes, hour)).to.equal(undefined);
    expect(say(valueOf(alice, 5), { atMs: hour })).to.equal('stale-sequence');
    expect(say(valueOf(alice, 6), { atMs: hour })).to.equal('accepted');
  });

  it('keeps the mark of a publisher whose record another one replaced', () => {
    const { say } = storeWith();
    say(valueOf(alice, 5));
    say(valueOf(bob, 6, { ttlMs: hour }));
    expect(say(valueOf(alice, 4), { atMs: hour })).to.equal('stale-sequence');
    expect(say(valueOf(alice, 5), { atMs: hour })).to.equal('accepted');
  });

  it('forgets a mark once no older record can be alive', () => {
    const { core, say } = storeWith();
    say(valueOf(alice, 5, { ttlMs: hour }));
    core.handleTimeout(hour, wallMs + hour);
    expect(core.markCount).to.equal(1);
    const laterMs = hour + 7 * day + 600_000;
    const effects = core.handleTimeout(laterMs, wallMs + laterMs);
    expect(effects.map(({ type }) => type)).to.deep.equal(['remove', 'write']);
    expect([core.markCount, core.nextDeadline()]).to.deep.equal([0, Infinity]);
  });

  it('removes what expires when its deadline comes, leaving a mark before the removal', () => {
    const { core, say } = storeWith();
    say(valueOf(alice, 5, { ttlMs: 30_000 }));
    say(recordOf(numbered(1)));
    core.handleTimeout(0, wallMs);
    expect(core.nextDeadline()).to.equal(30_000);
    const { keyHex } = valueOf(alice, 5);
    const effects = core.handleTimeout(30_000, wallMs);
    expect(effects.map(({ type, key }) => `${type} ${key}`)).to.deep.equal([`write mark/${keyHex}/${alice.nodeId}`, `remove record/${keyHex}`]);
    expect([core.size, core.nextDeadline()]).to.deep.equal([1, 60_000]);
  });

  it('counts life by the monotonic clock, wherever the wall clock goes', () => {
    for (const jumpMs of [-365 * day, -hour, hour, 365 * day]) {
      const { core, say } = storeWith();
      say(valueOf(alice, 5, { ttlMs: 2 * hour }));
      core.handleTimeout(hour, wallMs + jumpMs);
      expect(core.get(keys.shared.bytes, 2 * hour - 1), `${jumpMs}`).not.to.equal(undefined);
      core.handleTimeout(2 * hour, wallMs + jumpMs);
      expect(core.get(keys.shared.bytes, 2 * hour)).to.equal(undefined);
    }
  });

  it('takes records as before when the wall clock jumps, each for the life it has left', () => {
    for (const jumpMs of [-365 * day, 365 * day]) {
      const { core, say } = storeWith();
      say(valueOf(alice, 5));
      const result = core.offer({ record: valueOf(alice, 6, { createdMs: wallMs, ttlMs: 2 * hour }), source: undefined, expectedSequence: undefined }, hour, wallMs + hour + jumpMs);
      expect(result.kind).to.equal('accepted');
      expect(core.get(keys.shared.bytes, hour)?.expiresMs).to.equal(jumpMs < 0 ? 3 * hour : 2 * hour);
    }
  });

  it('gives a record no more life than is left of it, and never more than it asked for', () => {
    const { core, say } = storeWith();
    say(valueOf(alice, 5, { createdMs: wallMs - hour, ttlMs: 3 * hour }));
    expect(core.get(keys.shared.bytes, 0)?.expiresMs).to.equal(2 * hour);
    say(valueOf(alice, 6, { createdMs: wallMs + 600_000, ttlMs: hour }));
    expect(core.get(keys.shared.bytes, 0)?.expiresMs).to.equal(hour);
    expect(say(valueOf(alice, 7, { createdMs: wallMs - hour, ttlMs: hour }))).to.equal('expired');
  });

  it('holds one record of each provider under a key and hands them out in pages', () => {
    const { core, say } = storeWith();
    const providers = Array.from({ length: 5 }, (_, index) => fakeSigner(`provider ${index}`));
    for (const provider of providers) for (const sequence of [1, 2]) expect(say(recordOf(keys.procedure, provider, { sequence }))).to.equal('accepted');
    expect(say(recordOf(keys.procedure, providers[0], { sequence: 1 }))).to.equal('newer');
    const sorted = providers.map(({ nodeId }) => nodeId).sort();
    const page = (offset: number, limit: number): unknown => {
      const { entries, total } = core.providers(keys.procedure.bytes, offset, limit, 0);
      return [entries.map(({ publisher }) => publisher), total];
    };
    expect(page(0, 3)).to.deep.equal([sorted.slice(0, 3), 5]);
    expect(page(3, 3)).to.deep.equal([sorted.slice(3), 5]);
    expect(page(9, 3)).to.deep.equal([[], 5]);
    expect(core.providers(keys.topic.bytes, 0, 3, 0)).to.deep.equal({ entries: [], total: 0 });
    expect(core.get(keys.procedure.bytes, 0)).to.equal(undefined);
    expect(core.providers(keys.procedure.bytes, 0, 9, 600_000).total).to.equal(0);
  });

  it('shows a withdrawal of a provider as a tombstone in its place', () => {
    const { core, say } = storeWith();
    say(recordOf(keys.topic));
    say(recordOf(keys.topic, alice, { kind: 'tombstone', sequence: 2 }));
    expect(core.providers(keys.topic.bytes, 0, 9, 0).entries.map(({ kind }) => kind)).to.deep.equal(['tombstone']);
    expect(say(recordOf(keys.topic))).to.equal('newer');
  });

  it('refuses more providers of a key than it can have, until one is gone', () => {
    const { say } = storeWith({ maxProvidersPerKey: 2 });
    expect(say(recordOf(keys.topic, alice))).to.equal('accepted');
    expect(say(recordOf(keys.topic, bob, { ttlMs: 1000 }))).to.equal('accepted');
    const third = recordOf(keys.topic, fakeSigner('third'));
    expect(say(third)).to.equal('key-full');
    expect(say(recordOf(keys.topic, alice, { sequence: 2 }))).to.equal('accepted');
    expect(say(third, { atMs: 1000 })).to.equal('accepted');
  });

  it('refuses more records than a publisher may have, counting providers by themselves', () => {
    const { say } = storeWith({ maxRecordsPerPublisher: 2 });
    for (const index of [1, 2]) expect(say(recordOf(numbered(index)))).to.equal('accepted');
    expect(say(recordOf(numbered(3)))).to.equal('publisher-quota');
    expect(say(recordOf(numbered(2), alice, { sequence: 2 }))).to.equal('accepted');
    expect(say(recordOf(numbered(3), bob))).to.equal('accepted');
    expect(say(recordOf(numbered(3), alice, { sequence: 2 }))).to.equal('publisher-quota');
    for (const index of [1, 2]) expect(say(recordOf(procedureKey(realm, `${index}`)))).to.equal('accepted');
    expect(say(recordOf(procedureKey(realm, '3')))).to.equal('publisher-quota');
    expect(say(recordOf(numbered(2), bob, { sequence: 3 }))).to.equal('accepted');
    expect(say(recordOf(numbered(4)))).to.equal('accepted');
  });

  it('refuses more bytes than one network may bring, whoever published them', () => {
    const body = Buffer.alloc(1000);
    const { say } = storeWith({ maxBytesPerSource: 2 * (1300 + entryOverheadBytes) });
    const source = '198.51.100.0/24';
    const signers = [1, 2, 3].map((index) => fakeSigner(index));
    expect(say(recordOf(numbered(1), signers[0], { body }), { source })).to.equal('accepted');
    expect(say(recordOf(numbered(2), signers[1], { body }), { source })).to.equal('accepted');
    expect(say(recordOf(numbered(3), signers[2], { body }), { source })).to.equal('source-quota');
    expect(say(recordOf(numbered(2), signers[1], { body, sequence: 2 }), { source })).to.equal('accepted');
    expect(say(recordOf(numbered(3), signers[2], { body }), { source: '203.0.113.0/24' })).to.equal('accepted');
    expect(say(recordOf(numbered(4), signers[2], { body }))).to.equal('accepted');
    expect(say(recordOf(numbered(3), signers[2], { body, sequence: 2 }), { source }), 'what it replaces came from elsewhere').to.equal('source-quota');
  });

  it('makes room by dropping what is furthest from its own id, and refuses what would be', () => {
    const records = Array.from({ length: 8 }, (_, index) => recordOf(numbered(index), alice, { body: Buffer.alloc(1000) }))
      .sort((a, b) => compareDistance(ownId, a.key.bytes, b.key.bytes));
    const { core, say, offer } = storeWith({ maxBytes: 4 * (records[0]!.signed.payload.length + 32 + entryOverheadBytes) });
    for (const index of [6, 2, 4, 1]) expect(say(records[index]!)).to.equal('accepted');
    expect(say(records[7]!)).to.equal('store-full');
    const result = offer(records[3]!);
    expect(result.kind).to.equal('accepted');
    expect(result.effects.map(({ type, key }) => `${type} ${key.split('/')[0]}`)).to.deep.equal(['write mark', 'remove record', 'write record']);
    expect(core.get(records[6]!.key.bytes, 0)).to.equal(undefined);
    expect([2, 4, 1, 3].every((index) => core.get(records[index]!.key.bytes, 0) !== undefined)).to.equal(true);
    expect(say(recordOf(records[5]!.key, alice, { body: Buffer.alloc(3000) }))).to.equal('store-full');
    expect(core.size, 'nothing was dropped for what did not fit').to.equal(4);
  });

  it('can still drop what it spared when a record did not fit', () => {
    const [near, middle, far] = [1, 2, 3].map((index) => recordOf(numbered(index), alice, { body: Buffer.alloc(1000) })).sort((a, b) => compareDistance(ownId, a.key.bytes, b.key.bytes));
    const { core, say } = storeWith({ maxBytes: 2 * (near!.signed.payload.length + 32 + entryOverheadBytes) });
    say(near!);
    say(far!);
    expect(say(recordOf(middle!.key, alice, { body: Buffer.alloc(4000) }))).to.equal('store-full');
    expect(say(middle!)).to.equal('accepted');
    expect(core.get(far!.key.bytes, 0)).to.equal(undefined);
  });

  it('drops nothing of the same key to make room: neither other providers nor what is replaced', () => {
    const provider = (signer: Signer, sequence = 1, bytes = 1000): DecodedRecord => recordOf(keys.topic, signer, { sequence, body: Buffer.alloc(bytes) });
    const { core, say } = storeWith({ maxBytes: 2 * (provider(alice).signed.payload.length + 32 + entryOverheadBytes) });
    expect([say(provider(alice)), say(provider(bob)), say(provider(fakeSigner('third')))]).to.deep.equal(['accepted', 'accepted', 'store-full']);
    expect(say(provider(alice, 2, 1010))).to.equal('store-full');
    expect(say(provider(alice, 2, 900))).to.equal('accepted');
    expect(core.providers(keys.topic.bytes, 0, 9, 0).total).to.equal(2);
  });

  it('shows no provider in a page that it dropped to make room', () => {
    const close = fakeSigner('replica');
    const provider = recordOf(keys.topic, bob, { body: Buffer.alloc(1000) });
    const { core, say } = storeWith({ maxBytes: 2 * (provider.signed.payload.length + 32 + entryOverheadBytes) });
    say(provider);
    say(recordOf(keys.topic, alice, { body: Buffer.alloc(1000), ttlMs: 1000 }));
    expect(core.providers(keys.topic.bytes, 0, 9, 0).total).to.equal(2);
    expect(say(recordOf(peerKey(close.nodeId), close, { body: Buffer.alloc(900) }))).to.equal('accepted');
    expect(core.providers(keys.topic.bytes, 0, 9, 0).entries.map(({ publisher }) => publisher), 'the one with less life left went').to.deep.equal([bob.nodeId]);
  });

  it('drops what has expired before it drops what is far', () => {
    const far = recordOf(keys.shared, alice, { body: Buffer.alloc(1000), ttlMs: hour });
    const other = recordOf(numbered(1), alice, { body: Buffer.alloc(1000), ttlMs: 1000 });
    const third = recordOf(numbered(2), alice, { body: Buffer.alloc(1000) });
    const { core, say } = storeWith({ maxBytes: 2 * (far.signed.payload.length + 32 + entryOverheadBytes) });
    say(far);
    say(other);
    expect(say(third, { atMs: 1000 })).to.equal('accepted');
    expect(core.get(far.key.bytes, 1000)).not.to.equal(undefined);
  });

  it('keeps no more marks than allowed, forgetting the one raised longest ago', () => {
    const { core, say } = storeWith({ maxSequenceMarks: 2 });
    for (const index of [1, 2, 3]) say(recordOf(numbered(index), alice, { sequence: 5, ttlMs: index }));
    const effects = core.handleTimeout(3, wallMs);
    expect(core.markCount).to.equal(2);
    expect(effects.filter(({ type, key }) => type === 'remove' && key.startsWith('mark/'))).to.have.length(1);
    expect([1, 2, 3].map((index) => say(recordOf(numbered(index), alice, { sequence: 4 }), { atMs: 4 }))).to.deep.equal(['accepted', 'stale-sequence', 'stale-sequence']);
  });

  it('lists what is alive', () => {
    const { core, say } = storeWith();
    say(valueOf(alice, 1, { ttlMs: 10 }));
    say(recordOf(keys.topic));
    expect([...core.records(10)].map(({ space }) => space)).to.deep.equal(['topic']);
  });
});
