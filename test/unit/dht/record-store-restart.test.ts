import { expect } from 'chai';
import { nodeIdToBytes } from '../../../src/lib/identity/node-id.js';
import { sharedKey } from '../../../src/lib/dht/record-keys.js';
import { RecordStoreCore, type OfferResult, type RecordStoreLimits, type StoreEffect } from '../../../src/lib/dht/record-store-core.js';
import type { DecodedRecord } from '../../../src/lib/dht/record.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { fakeSigner } from '../../support/fake-signer.js';
import { alice, bob, day, hour, keys, realm, recordOf, wallMs } from './record-fixtures.js';

const ownId = nodeIdToBytes(fakeSigner('replica').nodeId);
const limits: RecordStoreLimits = { maxBytes: 1 << 20, maxBytesPerSource: 1 << 19, maxRecordsPerPublisher: 1000, maxProvidersPerKey: 1000, maxSequenceMarks: 1000 };
const year = 365 * day;

/** A node's disk, and the runs of its store: each has a monotonic clock of its own. */
class Disk {
  readonly contents = new Map<string, unknown>();

  carryOut(effects: readonly StoreEffect[]): void {
    for (const effect of effects) {
      // Through the codec, as the real store does it: what comes back shares nothing with what went in.
      if (effect.type === 'write') this.contents.set(effect.key, decodeBody(encodeBody(effect.value)));
      else this.contents.delete(effect.key);
    }
  }

  start(nowMs: number, nowWallMs: number, changes: Partial<RecordStoreLimits> = {}): RecordStoreCore {
    const core = new RecordStoreCore(ownId, { ...limits, ...changes });
    this.carryOut(core.restore(this.contents, nowMs, nowWallMs));
    return core;
  }

  offer(core: RecordStoreCore, record: DecodedRecord, nowMs = 0, nowWallMs = wallMs): OfferResult {
    const result = core.offer({ record, source: undefined, expectedSequence: undefined }, nowMs, nowWallMs);
    this.carryOut(result.effects);
    if (result.kind === 'accepted') core.written(result.entry);
    return result;
  }

  timeout(core: RecordStoreCore, nowMs: number, nowWallMs: number): void {
    this.carryOut(core.handleTimeout(nowMs, nowWallMs));
  }
}

const lifeLeft = (core: RecordStoreCore, nowMs: number): number | undefined => {
  const entry = core.get(keys.shared.bytes, nowMs);
  return entry && entry.expiresMs - nowMs;
};

describe('a store of records after a restart', () => {
  it('has every record and mark again, with the bytes that were signed', () => {
    const disk = new Disk();
    const first = disk.start(500, wallMs);
    const records = [recordOf(keys.shared), recordOf(keys.owned, alice, { kind: 'tombstone' }), recordOf(keys.peer), recordOf(keys.topic), recordOf(keys.topic, bob)];
    for (const record of records) disk.offer(first, record, 500);
    disk.offer(first, recordOf(keys.shared, bob, { sequence: 2 }), 500);
    disk.timeout(first, 500, wallMs);

    const second = disk.start(7_000_000, wallMs + 1000);
    expect([second.size, second.bytes, second.markCount]).to.deep.equal([first.size, first.bytes, 1]);
    expect([...second.records(7_000_000)].map(({ slot, signed }) => [slot, Buffer.from(signed.payload).toString('hex')]).sort())
      .to.deep.equal([...first.records(500)].map(({ slot, signed }) => [slot, Buffer.from(signed.payload).toString('hex')]).sort());
    expect(second.providers(keys.topic.bytes, 0, 9, 7_000_000).total).to.equal(2);
    expect(disk.offer(second, recordOf(keys.shared, alice), 7_000_000).kind).to.equal('newer');
  });

  const stops: readonly (readonly [what: string, downMs: number, lifeLeftMs: number])[] = [
    ['counts a short stop', 60_000, 5 * hour - 60_000],
    ['counts an hour of a long stop', 30 * day, 4 * hour],
    ['counts an hour when the wall clock is a year ahead', year, 4 * hour],
    ['counts nothing when the wall clock went back', -year, 5 * hour],
  ];
  for (const [what, downMs, leftMs] of stops) {
    it(`${what} and goes on with the life that was left`, () => {
      const disk = new Disk();
      const first = disk.start(0, wallMs);
      disk.offer(first, recordOf(keys.shared, alice, { ttlMs: 6 * hour }));
      disk.timeout(first, hour, wallMs + hour);
      const second = disk.start(0, wallMs + hour + downMs);
      expect(lifeLeft(second, 0)).to.equal(leftMs);
      disk.carryOut([second.timeEffect(0, wallMs + hour + downMs)]);
      expect(lifeLeft(disk.start(123, wallMs + hour + downMs), 123), 'and once more').to.equal(leftMs);
    });
  }

  it('never gives a record more life than it asked for, even if no time was written down', () => {
    const disk = new Disk();
    disk.offer(disk.start(0, wallMs), recordOf(keys.shared, alice, { ttlMs: hour }), 50_000);
    expect([...disk.contents.keys()]).to.have.length(1);
    expect(lifeLeft(disk.start(0, wallMs), 0)).to.equal(hour);
  });

  it('replaces what expired meanwhile by its mark', () => {
    const disk = new Disk();
    const first = disk.start(0, wallMs);
    disk.offer(first, recordOf(keys.shared, alice, { sequence: 5, ttlMs: 600_000 }));
    disk.timeout(first, 0, wallMs);
    const second = disk.start(0, wallMs + hour);
    expect(second.size).to.equal(0);
    expect([...disk.contents.keys()].map((key) => key.split('/')[0]).sort()).to.deep.equal(['mark', 'time']);
    expect(disk.offer(second, recordOf(keys.shared, alice, { sequence: 4, createdMs: wallMs + hour }), 0, wallMs + hour)).to.include({ kind: 'refused', reason: 'stale-sequence' });
    const third = disk.start(0, wallMs + hour);
    expect(disk.offer(third, recordOf(keys.shared, alice, { sequence: 4, createdMs: wallMs + hour }), 0, wallMs + hour)).to.include({ kind: 'refused', reason: 'stale-sequence' });
  });

  it('forgets marks that have expired and those beyond a lower limit', () => {
    const disk = new Disk();
    const first = disk.start(0, wallMs);
    for (const index of [1, 2, 3]) disk.offer(first, recordOf(sharedKey(realm, `${index}`), alice, { ttlMs: index }));
    disk.timeout(first, 10, wallMs);
    expect(disk.start(0, wallMs, { maxSequenceMarks: 2 }).markCount).to.equal(2);
    expect([...disk.contents.keys()].filter((key) => key.startsWith('mark/'))).to.have.length(2);
    disk.contents.set('time', { storeMs: 30 * day, wallMs });
    expect(disk.start(0, wallMs).markCount).to.equal(0);
    expect([...disk.contents.keys()]).to.deep.equal(['time']);
  });

  it('removes what cannot be read or does not belong where it is, and starts', () => {
    const disk = new Disk();
    const good = recordOf(keys.shared);
    const durable = { ...good.signed, expiresMs: 1000, source: null };
    const odd: readonly (readonly [string, unknown])[] = [
      ['record/1', null], ['record/2', { ...durable, payload: Buffer.of(1) }], ['record/3', { ...durable, expiresMs: -1 }], ['record/4', { ...durable, source: 5 }],
      ['record/5', durable], ['record/6', { ...durable, signature: Buffer.alloc(0) }], ['mark/1', null], ['mark/2', { sequence: 'x', expiresMs: 1 }],
    ];
    for (const [key, value] of odd) disk.contents.set(key, value);
    disk.contents.set(`record/${good.keyHex}`, { ...durable, source: '198.51.100.0/24' });
    disk.contents.set('other/1', 'not ours');
    disk.contents.set('time', 'broken');
    const core = disk.start(0, wallMs);
    expect([core.size, core.markCount]).to.deep.equal([1, 0]);
    expect(core.get(keys.shared.bytes, 0)?.source).to.equal('198.51.100.0/24');
    expect([...disk.contents.keys()].sort()).to.deep.equal(['other/1', `record/${good.keyHex}`, 'time']);
  });

  it('holds to limits that were lowered meanwhile', () => {
    const disk = new Disk();
    const first = disk.start(0, wallMs);
    for (let index = 0; index < 10; index++) disk.offer(first, recordOf(sharedKey(realm, `${index}`)));
    expect(disk.start(0, wallMs, { maxBytes: first.bytes / 2 }).bytes).to.be.at.most(first.bytes / 2);
    expect(disk.start(0, wallMs, { maxRecordsPerPublisher: 3 }).size).to.equal(3);
  });
});

describe('a store of records whose writes fail', () => {
  const offer = (core: RecordStoreCore, record: DecodedRecord): OfferResult => core.offer({ record, source: undefined, expectedSequence: undefined }, 0, wallMs);
  const accepted = (result: OfferResult): Extract<OfferResult, { kind: 'accepted' }> => {
    if (result.kind !== 'accepted') throw new Error(`not accepted: ${result.kind}`);
    return result;
  };
  const sequence = (core: RecordStoreCore): number | undefined => core.get(keys.shared.bytes, 0)?.sequence;
  const make = (number: number): DecodedRecord => recordOf(keys.shared, alice, { sequence: number });

  it('serves again what is on disk', () => {
    const core = new RecordStoreCore(ownId, limits);
    core.written(accepted(offer(core, make(1))).entry);
    const { bytes } = core;
    const second = accepted(offer(core, make(2))).entry;
    expect(core.writeFailed(second)).to.deep.equal([]);
    expect([sequence(core), core.bytes, core.size]).to.deep.equal([1, bytes, 1]);
    expect(core.writeFailed(second), 'told twice').to.deep.equal([]);
    expect(sequence(core)).to.equal(1);
    expect(accepted(offer(core, make(2))).effects).to.have.length(1);
  });

  it('serves nothing where nothing is on disk', () => {
    const core = new RecordStoreCore(ownId, limits);
    core.writeFailed(accepted(offer(core, make(1))).entry);
    expect([sequence(core), core.bytes, core.size]).to.deep.equal([undefined, 0, 0]);
  });

  it('falls back to the newest of several that were under way and made it', () => {
    for (const firstWritten of [true, false]) {
      const core = new RecordStoreCore(ownId, limits);
      core.written(accepted(offer(core, make(1))).entry);
      const second = accepted(offer(core, make(2))).entry;
      const third = accepted(offer(core, make(3))).entry;
      if (firstWritten) core.written(second);
      else core.writeFailed(second);
      expect(sequence(core)).to.equal(3);
      core.writeFailed(third);
      expect(sequence(core)).to.equal(firstWritten ? 2 : 1);
    }
  });

  it('asks for the write again when the same record is offered before the first one is done, and not after', () => {
    const core = new RecordStoreCore(ownId, limits);
    const first = accepted(offer(core, make(1)));
    expect(accepted(offer(core, make(1))).effects).to.deep.equal(first.effects);
    core.written(first.entry);
    expect(accepted(offer(core, make(1))).effects).to.deep.equal([]);
  });

  it('gives up what was on disk if its room was given away meanwhile', () => {
    const small = recordOf(keys.shared, alice, { body: Buffer.alloc(0) });
    const large = recordOf(keys.shared, alice, { body: Buffer.alloc(5000), sequence: 2 });
    const core = new RecordStoreCore(ownId, { ...limits, maxRecordsPerPublisher: 1 });
    core.written(accepted(offer(core, large)).entry);
    const newer = accepted(offer(core, recordOf(keys.shared, bob, { sequence: 3 }))).entry;
    accepted(offer(core, recordOf(sharedKey(realm, 'other'))));
    expect(core.writeFailed(newer)).to.deep.equal([{ type: 'remove', key: `record/${small.keyHex}` }]);
    expect(core.size).to.equal(1);
  });
});
