import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { delay } from '../../../src/lib/base/abort.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { MaculaError, MaculaNode, procedureError, type CallContext, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const failureOf = (promise: Promise<unknown>): Promise<MaculaError> => promise.then(() => expect.fail('it did not fail'), (error: unknown) => MaculaError.from(error));

describe('remote procedure calls between embedded nodes', function () {
  this.timeout(90_000);
  let directory: string;
  const nodes: MaculaNode[] = [];
  let server: MaculaNode;
  let client: MaculaNode;

  function build(name: string, settings: Partial<Settings> = {}): MaculaNode {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    nodes.push(node);
    return node;
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-rpc-'));
    server = build('server');
    await server.start();
    client = build('client', { bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`] });
    await client.start();
    await until(() => client.dht.nodes().length === 1 && server.dht.nodes().length === 1, 'they know each other');
  });
  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  const running = (name: string): number => server.rpc.list().find((procedure) => procedure.name === name)!.running;

  it('carries values and failures with their status, and keeps bugs at home', async () => {
    await server.rpc.register('values', (args) => args);
    await server.rpc.register('fails', () => Promise.reject(procedureError('OUT_OF_RANGE', 'too far', { limit: 3 })));
    await server.rpc.register('bug', () => {
      throw new Error('a secret');
    });
    const value = { text: 'ä', bytes: Buffer.from([0, 255]), list: [1, -1, 0.5, null, true], nested: { empty: {} } };
    expect(await client.rpc.call('values', value)).to.deep.equal(value);
    expect(await client.rpc.call('values')).to.equal(null);
    const failed = await failureOf(client.rpc.call('fails'));
    expect(failed).to.include({ code: 'MACULA_CALL_FAILED', message: 'too far' });
    expect(failed.details).to.include({ status: 'OUT_OF_RANGE', executed: 'yes', limit: 3, provider: server.nodeId, attempts: 1 });
    const bug = await failureOf(client.rpc.call('bug'));
    expect(bug.details).to.include({ status: 'UNKNOWN', executed: 'yes' });
    expect(bug.message).not.to.include('secret');
  });

  it('lets in only those on the list, and refuses what is too much at once, both before anything ran', async () => {
    let ran = 0;
    await server.rpc.register('mine', () => ran++, { allow: [server.nodeId] });
    const refused = await failureOf(client.rpc.call('mine'));
    expect([refused.code, refused.details.executed, ran]).to.deep.equal(['MACULA_CALL_REFUSED', 'no', 0]);
    expect(await server.rpc.call('mine'), 'the node itself is on it').to.equal(0);
    let release = (): void => undefined;
    await server.rpc.register('one', () => new Promise<void>((resolve) => (release = resolve)), { concurrency: 1 });
    const held = client.rpc.call('one');
    await until(() => running('one') === 1, 'it runs');
    const overloaded = await failureOf(client.rpc.call('one', null, { timeoutMs: 150 }));
    expect(overloaded).to.have.nested.property('details.status').that.is.oneOf(['RESOURCE_EXHAUSTED']);
    expect(overloaded.details.executed).to.equal('no');
    release();
    await held;
  });

  it('tells the handler of the deadline and of a caller that goes away', async () => {
    const seen: string[] = [];
    await server.rpc.register('waits', async (_args, { signal, remainingMs }: CallContext) => {
      expect(remainingMs).to.be.within(1, 60_000);
      await delay(systemClock, 60_000, signal).catch((error: unknown) => seen.push(MaculaError.from(error).code));
    });
    expect((await failureOf(client.rpc.call('waits', null, { timeoutMs: 100 }))).details).to.include({ status: 'DEADLINE_EXCEEDED', executed: 'maybe' });
    await until(() => seen.length === 1, 'the handler saw the deadline');
    const caller = build('caller', { bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`] });
    await caller.start();
    const lost = failureOf(caller.rpc.call('waits', null, { node: server.nodeId, timeoutMs: 50_000 }));
    await until(() => running('waits') === 1, 'it runs');
    await caller.stop();
    await lost;
    await until(() => seen.length === 2 && running('waits') === 0, 'the handler saw its caller go');
  });

  it('runs an idempotent call once for callers that join it, and leaves nothing pending, whatever is cancelled when (property)', async () => {
    await server.rpc.register('steps', async (args, { signal }) => {
      for (let step = 0; step < (args as number); step++) await delay(systemClock, 1, signal);
      return args;
    }, { concurrency: 10_000 });
    // Finding a provider may wait for the node that has just gone.
    await client.rpc.call('steps', 0, { timeoutMs: 50_000 });
    const calls = fc.array(fc.record({ steps: fc.integer({ min: 0, max: 6 }), cancelMs: fc.option(fc.integer({ min: 0, max: 8 })), idempotent: fc.boolean(), timeoutMs: fc.constantFrom(3, 5000) }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(calls, async (plan) => {
        await Promise.all(plan.map(async ({ steps, cancelMs, idempotent, timeoutMs }) => {
          const controller = new AbortController();
          const timer = cancelMs === null ? undefined : systemClock.setTimer(cancelMs, () => controller.abort());
          const outcome = await client.rpc.call('steps', steps, { signal: controller.signal, idempotent, timeoutMs }).catch((error: unknown) => MaculaError.from(error).code);
          timer?.cancel();
          expect(outcome).to.be.oneOf([steps, 'MACULA_ABORTED', 'MACULA_TIMED_OUT', 'MACULA_CALL_FAILED', 'MACULA_OVERLOADED', 'MACULA_UNREACHABLE']);
        }));
        expect(client.rpc.stats().calls.running).to.equal(0);
        await until(() => running('steps') === 0 && server.rpc.stats().watched === 0, 'nothing runs at the server');
      }),
      { numRuns: 25 },
    );
  });

  it('answers or refuses each of 10,000 calls at once, and leaves nothing behind', async () => {
    await server.rpc.register('echo', async (args) => args, { concurrency: 10_000 });
    await client.rpc.call('echo', 0, { timeoutMs: 50_000 });
    const outcomes = await Promise.all(
      Array.from({ length: 10_000 }, (_, value) => client.rpc.call('echo', value).then((result) => (result === value ? 'right' : 'wrong'), (error: unknown) => MaculaError.from(error).code)),
    );
    const kinds = new Set(outcomes);
    kinds.delete('right');
    kinds.delete('MACULA_OVERLOADED');
    expect([...kinds]).to.deep.equal([]);
    expect(outcomes.filter((outcome) => outcome === 'right').length).to.be.at.least(1000);
    expect(client.rpc.stats().calls.running).to.equal(0);
    expect(running('echo')).to.equal(0);
  });
});
