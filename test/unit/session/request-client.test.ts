import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { RequestClient } from '../../../src/lib/session/request-client.js';
import { FrameFlag, FrameReader } from '../../../src/lib/wire/frame.js';
import { decodeCorrelated } from '../../../src/lib/wire/correlation.js';
import { decodeBody } from '../../../src/lib/wire/message-pack.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { capture } from '../../support/session-nodes.js';
import { VirtualClock } from '../../support/virtual-clock.js';

interface Harness {
  readonly clock: VirtualClock;
  readonly client: RequestClient;
  /** Ids of the requests and of the cancellations that were sent. */
  readonly requested: number[];
  readonly cancelled: number[];
}

function harness(): Harness {
  const clock = new VirtualClock();
  const requested: number[] = [];
  const cancelled: number[] = [];
  const write = (frame: Uint8Array): void => {
    new FrameReader(1_000_000).push(frame, (type, flags, payload) => {
      if (type === FrameType.cancel) cancelled.push((decodeBody(payload) as number[])[0]!);
      else if (flags === FrameFlag.request) requested.push(decodeCorrelated(payload).id);
    });
  };
  return { clock, client: new RequestClient({ clock, write }, { requestTimeoutMs: 1000, maxFrameBytes: 1024 }), requested, cancelled };
}

describe('request client', () => {
  it('uses one timer however many requests wait, and none when nothing does', () => {
    const { clock, client, requested } = harness();
    for (let count = 0; count < 100; count++) client.request(FrameType.call, count, undefined).catch(() => undefined);
    expect(clock.pendingTimers).to.equal(1);
    for (const id of requested) client.reply(FrameType.reply, id, null);
    clock.advance(1000);
    expect([client.pending, clock.pendingTimers]).to.deep.equal([0, 0]);
  });

  it('ends requests at their own deadlines, whatever order they were made in', async () => {
    const { clock, client, cancelled } = harness();
    const ended: number[] = [];
    for (const timeoutMs of [500, 100, 300]) {
      client.request(FrameType.call, null, { timeoutMs }).catch((error: MaculaError) => ended.push(error.details['timeoutMs'] as number));
    }
    await clock.advanceAsync(99);
    expect(ended).to.deep.equal([]);
    await clock.advanceAsync(1);
    expect(ended).to.deep.equal([100]);
    await clock.advanceAsync(1000);
    expect([ended, cancelled]).to.deep.equal([[100, 300, 500], [1, 2, 0]]);
  });

  it('rejects with the reason of the signal when that is an error of ours', async () => {
    const { client } = harness();
    const reason = new MaculaError('MACULA_TIMED_OUT', 'the whole operation took too long');
    const controller = new AbortController();
    const outcome = capture(client.request(FrameType.call, null, { signal: controller.signal }));
    controller.abort(reason);
    expect((await outcome).error).to.equal(reason);
  });

  type Step =
    | { readonly kind: 'request'; readonly timeoutMs: number; readonly abortable: boolean }
    | { readonly kind: 'reply' | 'fail' | 'abort'; readonly pick: number }
    | { readonly kind: 'pass'; readonly ms: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('request' as const), timeoutMs: fc.integer({ min: 1, max: 300 }), abortable: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('reply' as const, 'fail' as const, 'abort' as const), pick: fc.nat(30) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(200) }),
  );

  it('settles every request exactly once and leaves nothing behind, whatever replies, fails, aborts or takes too long', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, lost) => {
      const { clock, client, requested } = harness();
      const controllers: AbortController[] = [];
      let started = 0;
      let settled = 0;
      for (const action of steps) {
        if (action.kind === 'request') {
          const controller = new AbortController();
          if (action.abortable) controllers.push(controller);
          started++;
          const signal = action.abortable ? { signal: controller.signal } : {};
          client.request(FrameType.call, null, { timeoutMs: action.timeoutMs, ...signal }).then(() => settled++, () => settled++);
        } else if (action.kind === 'pass') clock.advance(action.ms);
        else if (action.kind === 'abort') controllers[action.pick]?.abort();
        else if (requested[action.pick] !== undefined) {
          if (action.kind === 'reply') client.reply(FrameType.reply, requested[action.pick]!, 'ok');
          else client.reply(FrameType.error, requested[action.pick]!, ['MACULA_OVERLOADED', 'busy', {}]);
        }
      }
      if (lost) client.end(new MaculaError('MACULA_CONNECTION_CLOSED', 'lost'));
      else clock.advance(1000);
      await Promise.resolve();
      expect([client.pending, settled, clock.pendingTimers]).to.deep.equal([0, started, 0]);
    }), { numRuns: 300 });
  });
});
