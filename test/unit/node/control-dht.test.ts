import { expect } from 'chai';
import type { MaculaError } from '../../../src/lib/base/errors.js';
import { dhtGetRequest, dhtGetResult, dhtNodesResult, dhtPutRequest, dhtTraceResult } from '../../../src/lib/control/protocol-dht.js';
import { DhtControl, type ControlledDht } from '../../../src/lib/node/control-dht.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const nodeId = 'ab'.repeat(32);
const keyHash = 'cd'.repeat(32);
const signal = new AbortController().signal;
const cost = { hops: 1, queried: 2, durationMs: 3 };
const found = { key: 'k', value: Buffer.from('v'), publisher: nodeId, seq: 1, expiresAt: '2030-01-01T00:00:00.000Z', source: 'network' as const, ...cost };

function control(some: Partial<ControlledDht>, clock = new VirtualClock()): DhtControl {
  const unexpected = (): never => {
    throw new Error('not to be called');
  };
  const dht = { put: unexpected, get: unexpected, delete: unexpected, findProviders: unexpected, trace: unexpected, nodes: unexpected, ...some };
  return new DhtControl({ dht, clock });
}

const errorOf = (promise: Promise<unknown>): Promise<MaculaError> =>
  promise.then(() => {
    throw new Error('it did not fail');
  }, (error: MaculaError) => error);

describe('the DHT on the control socket', () => {
  for (const value of ['!!!', 'aGk', 'aGl=', 'aG k=', 'aGk=\n']) {
    it(`does not store ${JSON.stringify(value)} as what base64 may mean by it`, async () => {
      expect(await errorOf(control({}).dhtPut(dhtPutRequest.parse({ key: 'k', value, encoding: 'base64' }), signal))).to.include({ code: 'MACULA_USAGE' });
    });
  }

  for (const [name, bytes, written] of [
    ['text as it is', Buffer.from('Zürich\n'), { value: 'Zürich\n', encoding: 'utf8' }],
    ['an empty value as text', Buffer.alloc(0), { value: '', encoding: 'utf8' }],
    ['bytes that are no UTF-8 as base64', Buffer.from([0xff, 0xfe, 0x00]), { value: '//4A', encoding: 'base64' }],
    ['a cut character as base64', Buffer.from([0x61, 0xc3]), { value: 'YcM=', encoding: 'base64' }],
    ['a slice of larger memory', Buffer.from('xabcx').subarray(1, 4), { value: 'abc', encoding: 'utf8' }],
  ] as const) {
    it(`shows ${name}`, async () => {
      const result = await control({ get: async () => ({ ...found, value: bytes }) }).dhtGet(dhtGetRequest.parse({ key: 'k' }), signal);
      expect(result).to.include(written);
      expect(dhtGetResult.parse(result)).to.deep.equal(result);
    });
  }

  it('stores the bytes that were written, with the options given and no others', async () => {
    const calls: unknown[][] = [];
    const put: ControlledDht['put'] = async (...call) => {
      calls.push(call);
      return { key: 'k', keyHash, replicas: 1, target: 1, quorum: 1, seq: 1, expiresAt: found.expiresAt, durationMs: 1 };
    };
    const handlers = control({ put });
    await handlers.dhtPut(dhtPutRequest.parse({ key: 'k', value: '//4A', encoding: 'base64' }), signal);
    await handlers.dhtPut(dhtPutRequest.parse({ key: 'k', value: 'v', ttlMs: 5, minReplicas: 2, expectedSequence: 0, owned: true }), signal);
    const [plain, full] = calls.map(([, value, options]) => ({ value: Buffer.from(value as Uint8Array).toString('hex'), names: Object.keys(options as object), options }));
    expect(plain).to.deep.include({ value: 'fffe00', names: ['owned', 'signal'] });
    expect(full!.options).to.include({ ttlMs: 5, minReplicas: 2, expectedSequence: 0, owned: true });
  });

  it('says that nothing is under a key, and that nobody provides a name', async () => {
    const handlers = control({ get: async () => undefined, findProviders: async (_kind, name) => ({ name, keyHash, providers: [], source: 'network', answered: 1, isComplete: true, ...cost }) });
    const absent = await errorOf(handlers.dhtGet(dhtGetRequest.parse({ key: 'k' }), signal));
    expect(absent).to.include({ code: 'MACULA_NOT_FOUND' });
    expect(absent.details).to.deep.equal({ key: 'k', owner: null });
    expect(await errorOf(handlers.dhtProviders({ name: 'p', kind: 'topic', fresh: false, timeoutMs: 1000 }, signal))).to.include({ code: 'MACULA_NOT_FOUND', message: 'nobody provides the topic "p"' });
  });

  it('ends what takes too long, and tells the DHT', async () => {
    const clock = new VirtualClock();
    let stopped: AbortSignal | undefined;
    const handlers = control({ get: (_key, options) => new Promise(() => (stopped = options?.signal)) }, clock);
    const failed = errorOf(handlers.dhtGet(dhtGetRequest.parse({ key: 'k', timeoutMs: 100 }), signal));
    clock.advance(100);
    expect(await failed).to.include({ code: 'MACULA_TIMED_OUT', message: 'reading "k" did not finish within 100 ms' });
    expect(stopped?.aborted).to.equal(true);
  });

  it('shows a trace with null for requests without an answer', async () => {
    const step = { nodeId, hop: 1, startedMs: 0, durationMs: undefined, outcome: 'failed' as const, holds: false, returned: 0 };
    const closest = [{ nodeId, addresses: [], reachability: 'public' as const }];
    const result = await control({ trace: async () => ({ key: 'k', keyHash, steps: [step], closest, holders: [nodeId], ...cost }) }).dhtTrace({ key: 'k', timeoutMs: 1000 }, signal);
    expect(result.steps).to.deep.equal([{ ...step, durationMs: null }]);
    expect(result.closest).to.deep.equal([nodeId]);
    expect(dhtTraceResult.parse(result)).to.deep.equal(result);
  });

  it('lists the routing table, closest first', () => {
    const entry = { nodeId, addresses: ['127.0.0.1:1'], reachability: 'public' as const, connected: true, rttMs: undefined, lastSeenSecondsAgo: 4 };
    const result = control({ nodes: () => [{ ...entry, bucket: 1 }, { ...entry, bucket: 7, rttMs: 2 }] }).dhtNodes();
    expect(result.nodes.map(({ bucket, rttMs, lastSeenSeconds }) => [bucket, rttMs, lastSeenSeconds])).to.deep.equal([[7, 2, 4], [1, null, 4]]);
    expect(dhtNodesResult.parse(result)).to.deep.equal(result);
  });

  it('waits for a key by looking again, past what is cached', async () => {
    const clock = new VirtualClock();
    const options: unknown[] = [];
    const answers = [undefined, found];
    const handlers = control({ get: async (_key, given) => (options.push(given), answers.shift()) }, clock);
    let met = false;
    const waiting = handlers.waitForKey('k', signal).then(() => (met = true));
    await settle();
    expect([options.length, met]).to.deep.equal([1, false]);
    expect(options[0]).to.include({ fresh: true });
    clock.advance(500);
    await waiting;
    expect(options).to.have.length(2);
  });

  it('stops waiting for a key when nobody waits any more', async () => {
    const controller = new AbortController();
    const waiting = errorOf(control({ get: async () => undefined }).waitForKey('k', controller.signal));
    await settle();
    controller.abort();
    expect(await waiting).to.include({ code: 'MACULA_ABORTED' });
  });
});
