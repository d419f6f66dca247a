import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { nodeIdToBytes } from '../../../src/lib/identity/node-id.js';
import { ownedKey, procedureKey, sharedKey, type RecordKey } from '../../../src/lib/dht/record-keys.js';
import { compareRecords } from '../../../src/lib/dht/record-order.js';
import { RecordStoreCore, type RecordStoreLimits, type StoreEffect } from '../../../src/lib/dht/record-store-core.js';
import { isProviderSpace, type StoredRecord } from '../../../src/lib/dht/stored-record.js';
import { fakeSigner } from '../../support/fake-signer.js';
import { realm, recordOf, wallMs } from './record-fixtures.js';

const ownId = nodeIdToBytes(fakeSigner('replica').nodeId);
const limits: RecordStoreLimits = { maxBytes: 20_000, maxBytesPerSource: 9000, maxRecordsPerPublisher: 4, maxProvidersPerKey: 3, maxSequenceMarks: 6 };
const signers = Array.from({ length: 5 }, (_, index) => fakeSigner(`publisher ${index}`));
const sources = [undefined, '198.51.100.0/24', '203.0.113.0/24'];

type Step =
  | { readonly type: 'offer'; readonly who: number; readonly where: number; readonly sequence: number; readonly gone: boolean; readonly bytes: number; readonly ttlMs: number; readonly source: number; readonly expected: number | undefined; readonly fate: 'written' | 'failed' | 'pending' }
  | { readonly type: 'wait'; readonly forMs: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('offer' as const), who: fc.nat({ max: 4 }), where: fc.nat({ max: 7 }), sequence: fc.integer({ min: 1, max: 6 }), gone: fc.boolean(), bytes: fc.nat({ max: 900 }),
      ttlMs: fc.integer({ min: 1, max: 200_000 }), source: fc.nat({ max: 2 }), expected: fc.option(fc.nat({ max: 6 }), { nil: undefined }), fate: fc.constantFrom('written', 'failed', 'pending'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), forMs: fc.nat({ max: 100_000 }) }) },
);

function keyOf(where: number, who: number): RecordKey {
  if (where < 4) return sharedKey(realm, `${where}`);
  return where < 6 ? ownedKey(realm, signers[who]!.nodeId, `${where}`) : procedureKey(realm, `${where}`);
}

interface Run {
  readonly core: RecordStoreCore;
  readonly effects: StoreEffect[];
  nowMs: number;
}

/** Carries out a step; tells which entry was accepted. */
function take(run: Run, step: Step): StoredRecord | undefined {
  if (step.type === 'wait') {
    run.nowMs += step.forMs;
    run.effects.push(...run.core.handleTimeout(run.nowMs, wallMs + run.nowMs));
    return undefined;
  }
  const key = keyOf(step.where, step.who);
  const kind = step.gone ? 'tombstone' : isProviderSpace(key.space) ? 'provider' : 'value';
  const fields = { kind, sequence: step.sequence, ttlMs: step.ttlMs, body: Buffer.alloc(step.gone ? 0 : step.bytes), createdMs: wallMs + run.nowMs } as const;
  const record = recordOf(key, signers[step.who], fields);
  const result = run.core.offer({ record, source: sources[step.source], expectedSequence: step.expected }, run.nowMs, wallMs + run.nowMs);
  run.effects.push(...result.effects);
  if (result.kind !== 'accepted') return undefined;
  if (step.fate === 'written') run.core.written(result.entry);
  if (step.fate === 'failed') run.effects.push(...run.core.writeFailed(result.entry));
  return result.entry;
}

const newRun = (changes: Partial<RecordStoreLimits> = {}): Run => ({ core: new RecordStoreCore(ownId, { ...limits, ...changes }), effects: [], nowMs: 0 });
const roomy: RecordStoreLimits = { maxBytes: 1 << 30, maxBytesPerSource: 1 << 30, maxRecordsPerPublisher: 1e6, maxProvidersPerKey: 1e6, maxSequenceMarks: 1e6 };

function tally(entries: Iterable<StoredRecord>): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string, by: number): void => void counts.set(name, (counts.get(name) ?? 0) + by);
  for (const entry of entries) {
    const provider = isProviderSpace(entry.space);
    add('bytes', entry.bytes);
    add(`publisher ${entry.publisher} ${provider}`, 1);
    if (provider) add(`key ${entry.keyHex}`, 1);
    if (entry.source !== undefined) add(`source ${entry.source}`, entry.bytes);
  }
  return counts;
}

describe('a store of records, whatever is offered to it', () => {
  it('never holds more than its limits', () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const run = newRun();
      for (const step of steps) {
        take(run, step);
        expect(run.core.bytes).to.be.at.most(limits.maxBytes);
        expect(run.core.markCount).to.be.at.most(limits.maxSequenceMarks);
        const counts = tally(run.core.records(-Infinity));
        expect(run.core.bytes).to.equal(counts.get('bytes') ?? 0);
        for (const [name, count] of counts) {
          if (name.startsWith('publisher')) expect(count).to.be.at.most(limits.maxRecordsPerPublisher);
          if (name.startsWith('key')) expect(count).to.be.at.most(limits.maxProvidersPerKey);
          if (name.startsWith('source')) expect(count).to.be.at.most(limits.maxBytesPerSource);
        }
      }
    }));
  });

  it('never serves a lower sequence under a key than before while that record lives, and never an older record', () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const run = newRun(roomy);
      const served = new Map<string, StoredRecord>();
      for (const step of steps) {
        take(run, step.type === 'offer' ? { ...step, fate: 'written' } : step);
        for (const entry of run.core.records(run.nowMs)) {
          const before = served.get(entry.slot);
          if (before !== undefined && before.expiresMs > run.nowMs) expect(compareRecords(entry, before)).to.be.at.least(0);
          served.set(entry.slot, entry);
        }
        for (const [slot, before] of served) if (before.expiresMs > run.nowMs) expect([...run.core.records(run.nowMs)].some((entry) => entry.slot === slot)).to.equal(true);
      }
    }));
  });

  it('never takes a lower sequence of a publisher under a key than it ever took, expired, evicted or replaced', () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const run = newRun({ maxSequenceMarks: 1000 });
      const highest = new Map<string, number>();
      for (const step of steps) {
        const entry = take(run, step.type === 'offer' ? { ...step, fate: 'written' } : step);
        if (entry === undefined) continue;
        const name = `${entry.keyHex} ${entry.publisher}`;
        expect(entry.sequence).to.be.at.least(highest.get(name) ?? 0);
        highest.set(name, Math.max(entry.sequence, highest.get(name) ?? 0));
      }
    }));
  });

  it('ends the same for the same events, and starts again from its effects as it was', () => {
    const shown = (core: RecordStoreCore, nowMs: number): unknown => [...core.records(nowMs)].map(({ slot, sequence, bytes, source }) => [slot, sequence, bytes, source]).sort();
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const [one, two] = [newRun(), newRun()];
      for (const step of steps) for (const run of [one, two]) take(run, step.type === 'offer' ? { ...step, fate: 'written' } : step);
      const digest = ({ effects }: Run): string => createHash('sha256').update(JSON.stringify(effects)).digest('hex');
      expect(digest(one)).to.equal(digest(two));

      const disk = new Map<string, unknown>();
      for (const effect of [...one.effects, one.core.timeEffect(one.nowMs, wallMs + one.nowMs)]) {
        if (effect.type === 'write') disk.set(effect.key, effect.value);
        else disk.delete(effect.key);
      }
      const restarted = new RecordStoreCore(ownId, limits);
      restarted.restore(disk, 5, wallMs + one.nowMs);
      expect(shown(restarted, 5)).to.deep.equal(shown(one.core, one.nowMs));
    }));
  });

  it('ends the same on every replica, in whatever order records came, while there is room', () => {
    const offers = anyStep.filter((step) => step.type === 'offer');
    fc.assert(fc.property(fc.array(offers, { maxLength: 30 }).chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length }))), ([steps, shuffled]) => {
      const digests = [steps, shuffled].map((order) => {
        const run = newRun(roomy);
        for (const step of order) if (step.type === 'offer') take(run, { ...step, expected: undefined, fate: 'written' });
        return [...run.core.records(0)].map(({ slot, signed }) => `${slot} ${Buffer.from(signed.payload).toString('hex')}`).sort();
      });
      expect(digests[0]).to.deep.equal(digests[1]);
    }));
  });
});
