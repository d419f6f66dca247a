import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { DhtGetInput, DhtPutInput } from '../../../src/lib/control/protocol-dht.js';
import { ControlFixture, nodeId, rejection } from './fixture.js';

const keyHash = 'cd'.repeat(32);
const expiresAt = '2030-01-01T00:00:00.000Z';
const stored = { key: 'k', keyHash, replicas: 1, target: 1, quorum: 1, seq: 1, expiresAt, durationMs: 1 };
const cost = { hops: 1, queried: 1, durationMs: 1 };

describe('DHT and pool over the control socket', () => {
  let fixture: ControlFixture;
  beforeEach(() => (fixture = new ControlFixture()));
  afterEach(() => fixture.close());

  it('fills in what a request leaves out', async () => {
    const puts: DhtPutInput[] = [];
    const gets: DhtGetInput[] = [];
    const value = { key: 'k', value: 'v', encoding: 'utf8' as const, publisher: nodeId, seq: 1, expiresAt, source: 'local' as const, ...cost };
    await fixture.started({ dhtPut: async (request) => (puts.push(request), stored), dhtGet: async (request) => (gets.push(request), value) });
    expect(await fixture.client().dhtPut({ key: 'k', value: 'v', timeoutMs: 1000 })).to.deep.equal(stored);
    expect(await fixture.client().dhtGet({ key: 'k', timeoutMs: 1000 })).to.deep.equal(value);
    expect(puts).to.deep.equal([{ key: 'k', value: 'v', encoding: 'utf8', owned: false, timeoutMs: 1000 }]);
    expect(gets).to.deep.equal([{ key: 'k', quorum: 'newest', fresh: false, timeoutMs: 1000 }]);
  });

  it('carries the largest value as base64', async () => {
    const bytes = Buffer.alloc(64 * 1024, 0xff).toString('base64');
    await fixture.started({ dhtPut: async ({ value }) => ({ ...stored, seq: value.length }) });
    expect((await fixture.client().dhtPut({ key: 'k', value: bytes, encoding: 'base64', timeoutMs: 1000 })).seq).to.equal(bytes.length);
  });

  it('hands on what each replica said when a write fails', async () => {
    const details = { replicas: 1, target: 3, answers: [{ nodeId, answer: 'refused', reason: 'stale-sequence', durationMs: 1 }] };
    await fixture.started({ dhtPut: () => Promise.reject(new MaculaError('MACULA_UNDER_REPLICATED', 'too few', { details })) });
    const error = await rejection(fixture.client().dhtPut({ key: 'k', value: 'v', timeoutMs: 1000 }));
    expect(error).to.include({ code: 'MACULA_UNDER_REPLICATED', exitCode: 8 }).and.to.have.property('details').that.deep.equals(details);
  });

  for (const [name, request] of [
    ['no key', { key: '', value: 'v' }],
    ['a key of more than 1024 characters', { key: 'k'.repeat(1025), value: 'v' }],
    ['no replicas at all', { key: 'k', value: 'v', minReplicas: 0 }],
    ['a broken sequence', { key: 'k', value: 'v', expectedSequence: 1.5 }],
  ] as const) {
    it(`refuses a write with ${name}`, async () => {
      await fixture.started();
      expect((await rejection(fixture.client().dhtPut({ ...request, timeoutMs: 1000 }))).code).to.equal('MACULA_USAGE');
    });
  }

  it('answers the other questions, too', async () => {
    const providers = { name: 'p', kind: 'procedure' as const, keyHash, providers: [{ nodeId, seq: 1, expiresAt }], source: 'cache' as const, ...cost };
    const trace = { key: 'k', keyHash, steps: [], holders: [nodeId], closest: [], ...cost };
    const pool = { size: 0, max: 1, hits: 0, misses: 0, hitRate: 0, dials: 0, evictions: { lru: 0, idle: 0, failed: 0 } };
    await fixture.started({
      dhtDelete: async () => stored,
      dhtProviders: async () => providers,
      dhtTrace: async () => trace,
      dhtNodes: () => ({ nodes: [] }),
      poolStats: (connections) => (connections ? { ...pool, connections: [] } : pool),
    });
    const client = fixture.client();
    expect(await client.dhtDelete({ key: 'k', timeoutMs: 1000 })).to.deep.equal(stored);
    expect(await client.dhtProviders({ name: 'p', timeoutMs: 1000 })).to.deep.equal(providers);
    expect(await client.dhtTrace({ key: 'k', timeoutMs: 1000 })).to.deep.equal(trace);
    expect(await client.dhtNodes()).to.deep.equal({ nodes: [] });
    expect(await client.poolStats(false)).to.deep.equal(pool);
    expect(await client.poolStats(true)).to.deep.equal({ ...pool, connections: [] });
  });
});
