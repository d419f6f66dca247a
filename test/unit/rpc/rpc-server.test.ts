import { expect } from 'chai';
import { delay } from '../../../src/lib/base/abort.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { ProcedureRegistry } from '../../../src/lib/rpc/procedure-registry.js';
import { RpcServer } from '../../../src/lib/rpc/rpc-server.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const settings = defaultSettings();
const caller = 'ab'.repeat(32) as NodeId;
const callId = Buffer.alloc(16, 7);

/** A server with one procedure that waits a second and does not mind being cancelled. */
function serverOfStubborn(): { clock: VirtualClock; server: RpcServer; runs: () => number } {
  const clock = new VirtualClock();
  const registry = new ProcedureRegistry(settings);
  let runs = 0;
  registry.add('stubborn', async (_args, { signal }) => {
    runs++;
    await delay(clock, 1000, signal).catch(() => undefined);
    return 'done';
  });
  return { clock, server: new RpcServer({ registry, clock, logger: silentLogger }, settings), runs: () => runs };
}

const codeOf = (reply: unknown): Promise<string> => Promise.resolve(reply).then(() => 'answered', (error: unknown) => MaculaError.from(error).code);

describe('serving a call that is cancelled', () => {
  for (const idempotent of [false, true]) {
    const kind = idempotent ? 'an idempotent' : 'a';
    const call = { procedure: 'stubborn', args: null, remainingMs: 100, callId: idempotent ? callId : undefined };

    it(`answers ${kind} call with its deadline once that has passed, even where the procedure returns a result then`, async () => {
      const { clock, server } = serverOfStubborn();
      const code = codeOf(server.serveCall(call, caller, { signal: new AbortController().signal }));
      await clock.advance(100);
      expect(await code).to.equal('MACULA_TIMED_OUT');
      expect([server.deadlines.size, server.remembered]).to.deep.equal([0, 0]);
    });

    it(`answers ${kind} call with the cancellation of its caller`, async () => {
      const { server } = serverOfStubborn();
      const controller = new AbortController();
      const code = codeOf(server.serveCall(call, caller, controller));
      controller.abort(new MaculaError('MACULA_ABORTED', 'the caller is gone'));
      expect(await code).to.equal('MACULA_ABORTED');
      expect([server.deadlines.size, server.remembered]).to.deep.equal([0, 0]);
    });
  }

  it('goes on with an idempotent call as long as one of its callers waits', async () => {
    const { clock, server, runs } = serverOfStubborn();
    const call = { procedure: 'stubborn', args: null, remainingMs: 5000, callId };
    const first = new AbortController();
    const cancelled = codeOf(server.serveCall(call, caller, first));
    const second = server.serveCall(call, caller, new AbortController());
    first.abort(new MaculaError('MACULA_ABORTED', 'the caller is gone'));
    await clock.advance(1000);
    expect(await second).to.deep.equal([0, 'done']);
    expect([await cancelled, runs()], 'it ran once').to.deep.equal(['answered', 1]);
  });
});

describe('serving an idempotent call that comes again', () => {
  it('answers with what the procedure returned the first time, byte for byte, whatever became of it since', () => {
    const registry = new ProcedureRegistry(settings);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const result = { bytes, text: 'grüße €', numbers: [1] };
    let runs = 0;
    registry.add('once', () => (runs++, result));
    const server = new RpcServer({ registry, clock: new VirtualClock(), logger: silentLogger }, settings);
    const ask = (): unknown => server.serveCall({ procedure: 'once', args: null, remainingMs: 5000, callId }, caller, new AbortController());
    expect(ask()).to.deep.equal([0, result]);
    const before = { bytes: Buffer.from(bytes), text: 'grüße €', numbers: [1] };
    bytes.fill(0);
    result.numbers.push(2);
    for (let count = 0; count < 2; count++) expect(ask()).to.deep.equal([0, before]);
    expect([runs, server.remembered]).to.deep.equal([1, 1]);
  });
});
