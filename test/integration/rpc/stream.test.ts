import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { delay } from '../../../src/lib/base/abort.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { MaculaError, MaculaNode, procedureError, type CallContext, type CallStream, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const MiB = 1024 * 1024;
const failureOf = (promise: Promise<unknown>): Promise<MaculaError> => promise.then(() => expect.fail('it did not fail'), (error: unknown) => MaculaError.from(error));

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = [];
  for await (const value of values) list.push(value);
  return list;
}

async function* count(args: unknown): AsyncGenerator<number> {
  for (let n = 1; n <= (args as number); n++) yield n;
}

describe('streams of calls between embedded nodes', function () {
  this.timeout(90_000);
  let directory: string;
  const nodes: MaculaNode[] = [];
  let server: MaculaNode;
  let client: MaculaNode;

  async function start(name: string, settings: Partial<Settings> = {}): Promise<MaculaNode> {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    nodes.push(node);
    await node.start();
    return node;
  }
  const joining = (): Partial<Settings> => ({ bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`] });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-stream-'));
    server = await start('server');
    client = await start('client', joining());
    await until(() => client.dht.nodes().length === 1 && server.dht.nodes().length === 1, 'they know each other');
    await server.rpc.register('count', count);
    await server.rpc.register('sum', async (_args, { input }: CallContext) => {
      let sum = 0;
      for await (const value of input) sum += value as number;
      return sum;
    });
    await server.rpc.register('double', async function* (_args, { input }: CallContext) {
      for await (const value of input) yield 2 * (value as number);
    });
  });
  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  const running = (name: string): number => server.rpc.list().find((procedure) => procedure.name === name)!.running;
  const idle = (name: string): Promise<void> => until(() => running(name) === 0 && client.rpc.stats().calls.running === 0 && server.rpc.stats().bufferedBytes === 0 && client.rpc.stats().bufferedBytes === 0 && server.rpc.stats().watched === 0, `nothing of ${name} is left`);

  it('carries all four kinds, also from a node to itself', async () => {
    for (const node of [client, server]) {
      const streamed = await node.rpc.callStream<number>('count', 1000);
      expect(await all(streamed)).to.deep.equal(Array.from({ length: 1000 }, (_, index) => index + 1));
      expect(await streamed.finished).to.include({ status: 'OK', error: undefined, received: 1000, sent: 0 });
      expect([streamed.provider, streamed.attempts]).to.deep.equal([server.nodeId, 1]);

      const summed = await node.rpc.callStream('sum');
      for (let n = 1; n <= 100; n++) expect(await summed.write(n)).to.equal(true);
      summed.end();
      expect(await all(summed)).to.deep.equal([5050]);
      expect(await summed.finished).to.include({ status: 'OK', received: 1, sent: 100 });

      const doubled = await node.rpc.callStream<number>('double');
      const results = doubled[Symbol.asyncIterator]();
      for (const n of [1, 2, 3]) {
        await doubled.write(n);
        expect(await results.next()).to.deep.equal({ done: false, value: 2 * n });
      }
      doubled.end();
      expect((await results.next()).done).to.equal(true);

      const one = await node.rpc.callStream('macula.echo', { a: 1 }, { node: server.nodeId });
      expect(await all(one)).to.deep.equal([{ a: 1 }]);
    }
    expect(await client.rpc.call('sum'), 'a call without a stream has no input').to.equal(0);
    await idle('sum');
  });

  it('refuses a call for one result of a procedure that streams, before anything ran', async () => {
    let began = false;
    await server.rpc.register('lazy', async function* () {
      began = true;
      yield 1;
    });
    for (const node of [client, server]) {
      const refused = await failureOf(node.rpc.call('lazy'));
      expect(refused.code).to.equal('MACULA_PROCEDURE_STREAMS');
      expect(refused.hint).to.include('--stream');
      expect(refused.details).to.include({ executed: 'no', status: 'UNIMPLEMENTED' });
      expect(began).to.equal(false);
    }
  });

  it('tells how a stream failed after all that came before, and that it ran', async () => {
    await server.rpc.register('breaks', async function* (args) {
      yield* count(3);
      if (args === 'bug') throw new Error('a secret');
      throw procedureError('OUT_OF_RANGE', 'too far', { limit: 3 });
    });
    for (const [args, status, message] of [['meant', 'OUT_OF_RANGE', 'too far'], ['bug', 'UNKNOWN', 'the procedure failed for a reason of its own']] as const) {
      const stream = await client.rpc.callStream('breaks', args);
      const got: unknown[] = [];
      const failed = await failureOf((async () => {
        for await (const value of stream) got.push(value);
      })());
      expect(got).to.deep.equal([1, 2, 3]);
      expect(failed).to.include({ code: 'MACULA_CALL_FAILED', message });
      expect(failed.details).to.include({ status, executed: 'yes', provider: server.nodeId, attempts: 1, procedure: 'breaks' });
      expect(await stream.finished).to.include({ status, error: failed, received: 3 });
    }
    const unknown = await failureOf(client.rpc.callStream('nobody-serves-this'));
    expect([unknown.code, unknown.details.executed]).to.deep.equal(['MACULA_NO_PROVIDER', 'no']);
    await server.rpc.register('large', async function* () {
      yield Buffer.alloc(2 * MiB);
    });
    expect((await failureOf(all(await client.rpc.callStream('large')))).details).to.include({ status: 'RESOURCE_EXHAUSTED', executed: 'yes' });
    const large = await client.rpc.callStream('sum');
    expect((await failureOf(large.write(Buffer.alloc(2 * MiB)))).code, 'the same for what is written').to.equal('MACULA_VALUE_TOO_LARGE');
    expect(await large.write(1), 'and the stream goes on').to.equal(true);
    large.end();
    expect(await all(large)).to.deep.equal([1]);
    await idle('breaks');
  });

  it('refuses before anything ran who may not, and what is one too many', async () => {
    await server.rpc.register('guarded', count, { allow: [server.nodeId] });
    const refused = await failureOf(client.rpc.callStream('guarded', 1));
    expect([refused.code, refused.details.executed]).to.deep.equal(['MACULA_CALL_REFUSED', 'no']);
    await server.rpc.register('single', async function* (_args, { signal }: CallContext) {
      yield 'begun';
      await delay(systemClock, 60_000, signal);
    }, { concurrency: 1 });
    const first = await client.rpc.callStream('single');
    const overloaded = await failureOf(client.rpc.callStream('single', null, { timeoutMs: 150 }));
    expect([overloaded.code, overloaded.details.executed]).to.deep.equal(['MACULA_OVERLOADED', 'no']);
    first.cancel();
    await idle('single');
    const second = await client.rpc.callStream('single');
    expect(await second[Symbol.asyncIterator]().next(), 'the place is free again').to.deep.equal({ done: false, value: 'begun' });
    second.cancel();
    await idle('single');
  });

  it('cancels the procedure when its caller cancels, leaves the iteration, aborts its signal or runs out of time', async () => {
    const seen: string[] = [];
    let left = 0;
    await server.rpc.register('forever', async function* (_args, { signal, remainingMs }: CallContext) {
      try {
        yield remainingMs;
        await delay(systemClock, 60_000, signal).catch((error: unknown) => seen.push(MaculaError.from(error).code));
      } finally {
        left++;
      }
    });
    const ends: Record<string, (stream: CallStream, controller: AbortController) => Promise<unknown> | undefined> = {
      cancel: (stream) => void stream.cancel(),
      abort: (_stream, controller) => void controller.abort(),
      leave: (stream) => stream[Symbol.asyncIterator]().return!(),
    };
    for (const [how, end] of Object.entries(ends)) {
      const controller = new AbortController();
      const stream = await client.rpc.callStream('forever', null, { signal: controller.signal });
      const results = stream[Symbol.asyncIterator]();
      expect((await results.next()).value, how).to.equal(Infinity);
      const pending = results.next().then(() => 'over', (error: unknown) => MaculaError.from(error).code);
      await end(stream, controller);
      expect(await stream.finished, how).to.include({ status: 'CANCELLED' });
      expect(await pending, how).to.equal(how === 'leave' ? 'over' : 'MACULA_ABORTED');
      expect((await failureOf(stream.write(1))).code, how).to.equal('MACULA_ABORTED');
      await idle('forever');
    }
    expect([seen, left]).to.deep.equal([['MACULA_ABORTED', 'MACULA_ABORTED', 'MACULA_ABORTED'], 3]);
    const late = await client.rpc.callStream('forever', null, { timeoutMs: 200 });
    const failed = await failureOf(all(late));
    expect([failed.code, failed.details.status, failed.details.executed]).to.deep.equal(['MACULA_TIMED_OUT', 'DEADLINE_EXCEEDED', 'yes']);
    await idle('forever');
    expect(seen).to.have.length(4);
  });

  it('ends a stream whose handler waits for input that never comes when its caller is gone', async () => {
    const caller = await start('caller', joining());
    const stream = await caller.rpc.callStream('double', null, { node: server.nodeId });
    await stream.write(21);
    expect((await stream[Symbol.asyncIterator]().next()).value).to.equal(42);
    await caller.stop();
    expect((await stream.finished).error).to.have.property('code', 'MACULA_CONNECTION_CLOSED');
    await until(() => running('double') === 0, 'the handler is gone');
  });

  it('fails with a typed error when the provider is lost in the middle', async () => {
    const provider = await start('provider', { ...joining(), drainTimeoutMs: 200 });
    await provider.rpc.register('ticks', async function* (_args, { signal }: CallContext) {
      for (let tick = 0; ; tick++) {
        yield tick;
        await delay(systemClock, 5, signal);
      }
    });
    const stream = await client.rpc.callStream('ticks', null, { node: provider.nodeId });
    const failed = failureOf((async () => {
      for await (const tick of stream) if (tick === 3) void provider.stop();
    })());
    expect((await failed).code).to.equal('MACULA_CONNECTION_CLOSED');
    expect((await failed).details).to.include({ status: 'UNAVAILABLE', executed: 'yes' });
    await provider.stop();
    expect(client.rpc.stats()).to.deep.include({ bufferedBytes: 0 });
    expect(client.rpc.stats().calls.running).to.equal(0);
  });

  it('is opened at another node where one refuses it, and fails where it was once that one is lost', async () => {
    let refusing = 0;
    await server.rpc.register('shared', () => refusing++, { allow: [server.nodeId] });
    const provider = await start('sharer', { ...joining(), drainTimeoutMs: 200 });
    await provider.rpc.register('shared', async function* (args, { signal }: CallContext) {
      for (let tick = 0; tick < (args as number); tick++) {
        yield tick;
        await delay(systemClock, 1, signal);
      }
    });
    await until(() => client.dht.nodes().length === 2, 'the caller knows it');
    const serving = (await client.rpc.providers('shared', { fresh: true })).map(({ nodeId }) => nodeId);
    expect(serving).to.have.members([server.nodeId, provider.nodeId]);
    const attempts: number[] = [];
    for (let count = 0; count < 3; count++) {
      const stream = await client.rpc.callStream('shared', 3);
      expect([await all(stream), stream.provider]).to.deep.equal([[0, 1, 2], provider.nodeId]);
      attempts.push(stream.attempts);
    }
    // Who never answered is taken to be the cheaper one.
    expect(attempts.slice(1)).to.deep.equal([2, 2]);
    const stream = await client.rpc.callStream('shared', Infinity, { idempotent: true });
    const failed = await failureOf((async () => {
      for await (const tick of stream) if (tick === 3) void provider.stop();
    })());
    expect(failed.code).to.equal('MACULA_CONNECTION_CLOSED');
    expect(failed.details).to.include({ executed: 'yes', provider: provider.nodeId });
    expect(refusing).to.equal(0);
    await provider.stop();
  });

  it('lets a procedure end before its input does, and tells the writer', async () => {
    await server.rpc.register('first', async (_args, { input }: CallContext) => {
      for await (const value of input) return value;
      return undefined;
    });
    const stream = await client.rpc.callStream('first');
    let written = 0;
    while (await stream.write(written)) written++;
    expect(await all(stream)).to.deep.equal([0]);
    expect(await stream.finished).to.include({ status: 'OK', error: undefined });
    await idle('first');
  });

  /** Resolves once a count has not moved for several round trips. */
  async function standsStill(moved: () => number, started: () => boolean): Promise<void> {
    await until(started, 'it begins');
    for (let before = -1, round = 0; before !== moved() || round < 5; round = before === moved() ? round + 1 : 0) {
      before = moved();
      await client.peers.ping(server.nodeId);
    }
  }

  it('holds a bounded number of bytes where a reader is slow, at either side', async () => {
    const value = Buffer.alloc(16 * 1024);
    const [bound, total] = [4 * MiB, 32 * MiB / value.length];
    let made = 0;
    await server.rpc.register('flood', async function* () {
      while (made < total) {
        made++;
        yield value;
      }
    });
    const stream = await client.rpc.callStream<Uint8Array>('flood');
    const results = stream[Symbol.asyncIterator]();
    await results.next();
    // As much as the windows and buffers in between take; then nothing moves until somebody reads.
    await standsStill(() => made, () => client.rpc.stats().bufferedBytes > 0);
    expect(made * value.length).to.be.below(bound);
    expect(client.rpc.stats().bufferedBytes).to.be.below(MiB);
    let read = 1;
    while (!(await results.next()).done) read++;
    expect(read).to.equal(total);

    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    await server.rpc.register('slow', async (_args, { input }: CallContext) => {
      let taken = 0;
      await gate;
      for await (const _ of input) taken++;
      return taken;
    });
    const writer = await client.rpc.callStream('slow');
    let written = 0;
    const writing = (async () => {
      while (written < total && (await writer.write(value))) written++;
      writer.end();
    })();
    await standsStill(() => written, () => server.rpc.stats().bufferedBytes > 0 && writer.bufferedBytes > 0);
    expect(written * value.length).to.be.below(bound);
    expect([writer.bufferedBytes < MiB, server.rpc.stats().bufferedBytes < MiB]).to.deep.equal([true, true]);
    open();
    await writing;
    expect(await all(writer)).to.deep.equal([total]);
    await idle('slow');
  });

  it('leaves nothing pending, whatever is cancelled when (property)', async () => {
    await server.rpc.register('mirror', async function* (args, { input, signal }: CallContext) {
      let values = 0;
      for await (const value of input) {
        if (values++ === (args as number)) throw procedureError('ABORTED', 'enough');
        await delay(systemClock, 1, signal);
        yield value;
      }
    }, { concurrency: 1000 });
    await (await client.rpc.callStream('mirror')).end();
    const plans = fc.array(
      fc.record({
        values: fc.integer({ min: 0, max: 6 }), failAt: fc.integer({ min: 0, max: 8 }), bytes: fc.constantFrom(1, 100_000),
        cancelMs: fc.option(fc.integer({ min: 0, max: 10 })), leaveAfter: fc.option(fc.integer({ min: 1, max: 6 })), timeoutMs: fc.constantFrom(4, undefined), ends: fc.boolean(),
      }),
      { minLength: 1, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        await Promise.all(plan.map(async ({ values, failAt, bytes, cancelMs, leaveAfter, timeoutMs, ends }) => {
          const controller = new AbortController();
          // Those that do not end by themselves are always cancelled.
          const timer = cancelMs === null && ends ? undefined : systemClock.setTimer(cancelMs ?? 12, () => controller.abort());
          const stream = await client.rpc.callStream('mirror', failAt, { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) }).catch(() => undefined);
          if (stream) {
            const reading = (async () => {
              let read = 0;
              for await (const value of stream) if (++read === leaveAfter) return value;
              return undefined;
            })().catch(() => undefined);
            for (let n = 0; n < values; n++) await stream.write(Buffer.alloc(bytes)).catch(() => undefined);
            if (ends) stream.end();
            await reading;
            const { status, error } = await stream.finished;
            expect(status).to.be.oneOf(['OK', 'CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED']);
            expect(error === undefined).to.equal(status === 'OK');
          }
          timer?.cancel();
        }));
        await idle('mirror');
      }),
      { numRuns: 25 },
    );
  });
});
