import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import type { CallStream, StreamOptions } from '../../../src/lib/rpc/call-stream.js';
import type { ByteStream, ByteStreamHandler, RpcComponents } from '../../../src/lib/rpc/ports.js';
import { ProcedureRegistry } from '../../../src/lib/rpc/procedure-registry.js';
import { Rpc } from '../../../src/lib/rpc/rpc.js';
import { StreamCode } from '../../../src/lib/session/session-reader.js';
import { errorBody } from '../../../src/lib/wire/error-message.js';
import { encodeFrame, FrameFlag } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { failureBody, resultBody } from '../../../src/lib/wire/rpc-messages.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const settings = defaultSettings();
const providers = ['a', 'b', 'c'].map((letter) => letter.repeat(64) as NodeId);

const frame = (type: FrameType, body: unknown): Uint8Array => encodeFrame(type, FrameFlag.none, body);
const accepted = frame(FrameType.streamAccepted, null);
const valueOf = (text: string): Uint8Array => frame(FrameType.streamValue, text);
const end = frame(FrameType.streamEnd, resultBody(null));

/** A stream as the provider that was asked sees it. */
interface Asked {
  readonly nodeId: NodeId;
  readonly handler: ByteStreamHandler;
  /** What the caller did to it but write. */
  readonly told: string[];
}
/** What a provider does when it is asked. @throws what opening the stream to it fails with */
type Provider = (asked: Asked) => void;

const say = (...frames: Uint8Array[]): Provider => ({ handler }) => queueMicrotask(() => frames.forEach((bytes) => handler.onData(bytes)));
const refuse = (code: ConstructorParameters<typeof MaculaError>[0]): Provider => say(frame(FrameType.error, errorBody(new MaculaError(code, 'not here'))));
const lose: Provider = ({ handler }) => queueMicrotask(() => handler.onClose());
const both = (...steps: Provider[]): Provider => (asked) => steps.forEach((step) => step(asked));
const serve = say(accepted, valueOf('all'), end);

/** Three nodes serve; what each does goes by the order in which they are asked: the first as given, the others serve. */
class Caller {
  readonly clock = new VirtualClock();
  readonly asked: Asked[] = [];
  readonly rpc: Rpc;

  constructor(first: Provider) {
    const openStream = async (nodeId: NodeId, _purpose: string, _header: unknown, handler: ByteStreamHandler): ReturnType<RpcComponents['transport']['openStream']> => {
      const told: string[] = [];
      const asked = { nodeId, handler, told };
      this.asked.push(asked);
      const stream: ByteStream = {
        bufferedBytes: 0, write: () => true, end: () => void told.push('end'), reset: (code) => void told.push(`reset ${code}`), stopSending: (code) => void told.push(`stop ${code}`),
        pause: () => undefined, resume: () => undefined,
      };
      (this.asked.length === 1 ? first : serve)(asked);
      return { stream, peer: { nodeId, violation: (reason) => expect.fail(reason) } };
    };
    const components = {
      nodeId: 'f'.repeat(64) as NodeId, clock: this.clock, random: seededRandom(7), logger: silentLogger, registry: new ProcedureRegistry(settings),
      transport: { openStream, ask: () => expect.fail('no request is made'), serve: () => undefined, serveStreams: () => undefined },
      providers: { find: () => Promise.resolve({ nodeIds: providers, asked: 3, answered: 3, isComplete: true }), failed: () => undefined, announce: () => Promise.resolve(), withdraw: () => Promise.resolve() },
    };
    this.rpc = new Rpc(components, settings);
  }

  /** Opens a stream, with time going on as far as it takes, and reads it: the values, and what it failed with. */
  async read(options: StreamOptions = {}): Promise<{ values: unknown[]; error: MaculaError | undefined; stream: CallStream | undefined }> {
    const values: unknown[] = [];
    let [stream, error, isOver] = [undefined as CallStream | undefined, undefined as MaculaError | undefined, false];
    const reading = (async () => {
      stream = await this.rpc.callStream('work', null, options);
      for await (const value of stream) values.push(value);
    })().catch((cause: unknown) => (error = MaculaError.from(cause))).finally(() => (isOver = true));
    await this.clock.advanceUntil(() => isOver, 60_000);
    await reading;
    return { values, error, stream };
  }

  /** Nothing of a call is left. */
  async expectNothingLeft(): Promise<void> {
    await settle();
    expect(this.rpc.stats()).to.deep.include({ bufferedBytes: 0 });
    expect(this.rpc.stats().calls.running).to.equal(0);
    expect((await this.rpc.providers('work')).map(({ inFlight }) => inFlight)).to.deep.equal([0, 0, 0]);
  }
}

describe('a stream that several nodes could serve', () => {
  const before: Record<string, { first: Provider; idempotent?: true }> = {
    'does not let the caller in': { first: refuse('MACULA_CALL_REFUSED') },
    'serves it no longer': { first: refuse('MACULA_NO_PROVIDER') },
    'has too much to do': { first: refuse('MACULA_OVERLOADED') },
    'takes no streams any more': { first: ({ handler }) => queueMicrotask(() => handler.onReset(StreamCode.refused)) },
    'cannot be reached': { first: () => { throw new MaculaError('MACULA_UNREACHABLE', 'nobody there'); } },
    'is lost before it said anything, where opening it twice does no harm': { first: lose, idempotent: true },
    'says nothing, where opening it twice does no harm': { first: () => undefined, idempotent: true },
  };
  for (const [what, { first, idempotent }] of Object.entries(before)) {
    it(`goes to the next one when the first ${what}`, async () => {
      const caller = new Caller(first);
      const { values, error, stream } = await caller.read(idempotent ? { idempotent } : {});
      expect([values, error]).to.deep.equal([['all'], undefined]);
      expect(new Set(caller.asked.map(({ nodeId }) => nodeId)).size, 'another one').to.equal(2);
      expect([stream!.attempts, stream!.provider]).to.deep.equal([2, caller.asked[1]!.nodeId]);
      expect(await stream!.finished).to.include({ status: 'OK', received: 1 });
      await caller.expectNothingLeft();
    });
  }

  it('is given up at one that was silent, and takes nothing of what that one says later', async () => {
    const caller = new Caller(() => undefined);
    const { values, stream } = await caller.read({ idempotent: true });
    const [silent] = caller.asked as [Asked];
    expect(silent.told).to.include.members(['reset 0', 'stop 0']);
    silent.handler.onData(accepted);
    silent.handler.onData(valueOf('again'));
    silent.handler.onClose();
    expect([values, (await stream!.finished).received, stream!.provider]).to.deep.equal([['all'], 1, caller.asked[1]!.nodeId]);
    await caller.expectNothingLeft();
  });

  for (const [what, first, code] of [['is lost', lose, 'MACULA_CONNECTION_CLOSED'], ['says nothing', () => undefined, 'MACULA_TIMED_OUT']] as const) {
    it(`fails as one that may have run, and goes nowhere else, when the first ${what} before it accepted and nobody said that twice does no harm`, async () => {
      const caller = new Caller(first);
      const { values, error, stream } = await caller.read();
      expect([values, stream, error?.code, caller.asked.length]).to.deep.equal([[], undefined, code, 1]);
      expect(error!.details).to.include({ executed: 'maybe', attempts: 1, provider: caller.asked[0]!.nodeId, procedure: 'work' });
      await caller.expectNothingLeft();
    });
  }

  const after: Record<string, { first: Provider; code: string; status: string }> = {
    'is lost': { first: both(say(accepted, valueOf('some')), lose), code: 'MACULA_CONNECTION_CLOSED', status: 'UNAVAILABLE' },
    'gives the stream up': { first: both(say(accepted, valueOf('some')), ({ handler }) => queueMicrotask(() => handler.onReset(StreamCode.failed))), code: 'MACULA_REMOTE_ERROR', status: 'INTERNAL' },
    'says that it cannot go on': { first: say(accepted, valueOf('some'), frame(FrameType.error, errorBody(new MaculaError('MACULA_OVERLOADED', 'too much')))), code: 'MACULA_OVERLOADED', status: 'RESOURCE_EXHAUSTED' },
    'says that its procedure is gone': { first: say(accepted, valueOf('some'), frame(FrameType.streamEnd, failureBody(14, 'gone', {}))), code: 'MACULA_CALL_FAILED', status: 'UNAVAILABLE' },
  };
  for (const [what, { first, code, status }] of Object.entries(after)) {
    for (const idempotent of [false, true]) {
      it(`fails after what came, and is not begun anew, when the first ${what} once it has accepted${idempotent ? ', though twice would do no harm' : ''}`, async () => {
        const caller = new Caller(first);
        const { values, error, stream } = await caller.read({ idempotent });
        expect([values, error?.code, caller.asked.length]).to.deep.equal([['some'], code, 1]);
        expect(error!.details).to.include({ status, executed: 'yes', attempts: 1, provider: caller.asked[0]!.nodeId, procedure: 'work' });
        expect(await stream!.finished).to.include({ status, error, received: 1 });
        await caller.expectNothingLeft();
      });
    }
  }
});
