import { expect } from 'chai';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { addBenchResponders, benchProcedures } from '../../../src/lib/node/bench-responders.js';
import type { CallContext } from '../../../src/lib/rpc/procedure.js';
import { ProcedureRegistry } from '../../../src/lib/rpc/procedure-registry.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const topic = `macula.bench.${'0a'.repeat(16)}`;

function lab() {
  const clock = new VirtualClock();
  const registry = new ProcedureRegistry(defaultSettings());
  const open = new Set<string>();
  const pubsub = { subscribe: (name: string) => (open.add(name), { close: () => open.delete(name) }) };
  addBenchResponders({ registry, pubsub: pubsub as never, clock });
  const call = (name: string, args: unknown, context: Partial<CallContext>): unknown => registry.get(name)!.handler(args, context as CallContext);
  return { clock, registry, open, call };
}

describe('what a node does for the benchmarks of others', () => {
  it('subscribes for as long as the call lasts', async () => {
    const { open, call } = lab();
    const caller = new AbortController();
    const answer = call(benchProcedures.subscribe, { topic }, { signal: caller.signal }) as Promise<unknown>;
    expect([...open]).to.deep.equal([topic]);
    caller.abort();
    expect(await answer).to.equal(null);
    expect(open.size).to.equal(0);
  });

  for (const args of [null, {}, { topic: 'weather.zurich' }, { topic: 'macula.bench.>' }, { topic: `${topic}0` }, { topic: 7 }, topic]) {
    it(`subscribes to no other topic: ${JSON.stringify(args)}`, () => {
      const { open, call } = lab();
      expect(() => call(benchProcedures.subscribe, args, { signal: new AbortController().signal })).to.throw().with.nested.property('details.status', 'INVALID_ARGUMENT');
      expect(open.size).to.equal(0);
    });
  }

  it('begins no more than a few of them at once, and then one every two seconds', () => {
    const { clock, call } = lab();
    const begin = (): unknown => call(benchProcedures.subscribe, { topic }, { signal: AbortSignal.abort() });
    for (let nth = 0; nth < 4; nth++) begin();
    expect(begin).to.throw().with.nested.property('details.status', 'RESOURCE_EXHAUSTED');
    clock.advance(2000);
    begin();
    expect(begin).to.throw();
  });

  async function* chunks(...values: unknown[]): AsyncGenerator<unknown> {
    yield* values;
  }

  it('counts the bytes of a transfer', async () => {
    const { call } = lab();
    const { signal } = new AbortController();
    expect(await call(benchProcedures.sink, null, { signal, input: chunks(Buffer.alloc(1000), Buffer.alloc(24)) })).to.equal(1024);
    expect(await call(benchProcedures.sink, null, { signal, input: chunks() })).to.equal(0);
  });

  it('takes nothing but bytes, and no more than a transfer has', async () => {
    const { call } = lab();
    const { signal } = new AbortController();
    const failure = (input: AsyncIterable<unknown>): Promise<unknown> => (call(benchProcedures.sink, null, { signal, input }) as Promise<unknown>).catch((error: unknown) => error);
    expect(await failure(chunks('text'))).to.have.nested.property('details.status', 'INVALID_ARGUMENT');
    const large = Buffer.alloc(64 * 1024 * 1024);
    expect(await failure(chunks(...Array.from({ length: 17 }, () => large)))).to.have.property('code', 'MACULA_VALUE_TOO_LARGE');
  });

  it('ends a transfer when nobody sends any more', async () => {
    const { call } = lab();
    const caller = new AbortController();
    const never: AsyncIterable<unknown> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
    const answer = call(benchProcedures.sink, null, { signal: caller.signal, input: never }) as Promise<unknown>;
    caller.abort();
    expect(await answer.catch((error: { code: string }) => error.code)).to.equal('MACULA_ABORTED');
  });

  it('serves few at once', () => {
    const { registry } = lab();
    for (const name of Object.values(benchProcedures)) expect(registry.get(name)!.concurrency(), name).to.be.at.most(32);
  });
});
