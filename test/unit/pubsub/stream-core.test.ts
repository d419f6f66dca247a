import { expect } from 'chai';
import fc from 'fast-check';
import type { Bundle } from '../../../src/lib/pubsub/bundle.js';
import { LinkCore } from '../../../src/lib/pubsub/link-core.js';
import { PublishedStream } from '../../../src/lib/pubsub/published-stream.js';
import { maxHeldMessages, StreamCore, type StreamEffect } from '../../../src/lib/pubsub/stream-core.js';
import type { Qos } from '../../../src/lib/wire/pubsub-messages.js';

function bundle(first: number, count: number, qos: Qos = 1): Bundle {
  return { epoch: 1, topic: 't', qos, first, sentMs: 0, bodies: Array.from({ length: count }, (_, index) => Uint8Array.of(first + index)) };
}

/** What the effects come to, in short: `3-5` delivered, `gap 1-2 lost`, `replay 1-2`. */
function told(effects: readonly StreamEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.type === 'deliver') return `${effect.bundle.first + effect.skip}-${effect.bundle.first + effect.skip + effect.count - 1}`;
    return effect.type === 'gap' ? `gap ${effect.from}-${effect.to} ${effect.reason}` : `replay ${effect.from}-${effect.to}`;
  });
}

describe('A stream with QoS 0', () => {
  it('hands messages on as they come and tells what is missing', () => {
    const core = new StreamCore(0);
    expect(told(core.take(bundle(1, 2, 0)))).to.deep.equal(['1-2']);
    expect(told(core.take(bundle(5, 1, 0)))).to.deep.equal(['gap 3-4 lost', '5-5']);
    expect(told(core.take(bundle(3, 2, 0)))).to.deep.equal([]);
    expect(core.duplicates).to.equal(2);
  });

  it('notices a lost tail by a position', () => {
    const core = new StreamCore(0);
    core.take(bundle(1, 1, 0));
    expect(told(core.take(bundle(4, 0, 0)))).to.deep.equal(['gap 2-3 lost']);
    expect(told(core.take(bundle(4, 0, 0)))).to.deep.equal([]);
  });
});

describe('A stream with QoS 1', () => {
  it('begins where the first position says', () => {
    const core = new StreamCore(1);
    expect(told(core.take(bundle(5, 0)))).to.deep.equal([]);
    expect(told(core.take(bundle(6, 1)))).to.deep.equal(['replay 5-5']);
  });

  it('takes a message that comes again only once, part of a bundle too', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 3));
    expect(told(core.take(bundle(1, 3)))).to.deep.equal([]);
    expect(told(core.take(bundle(2, 4)))).to.deep.equal(['4-5']);
    expect(core.duplicates).to.equal(5);
  });

  it('holds what comes later until the missing messages were replayed', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 1));
    expect(told(core.take(bundle(4, 1)))).to.deep.equal(['replay 2-3']);
    expect(told(core.take(bundle(5, 1)))).to.deep.equal([]);
    expect(told(core.replayed(1, [bundle(2, 2)]))).to.deep.equal(['2-3', '4-4', '5-5']);
  });

  it('asks for the rest when a reply held only the beginning', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 1));
    core.take(bundle(9, 1));
    expect(told(core.replayed(1, [bundle(2, 3)]))).to.deep.equal(['2-4', 'replay 5-8']);
  });

  it('tells what the publisher no longer has and goes on', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 1));
    core.take(bundle(6, 1));
    expect(told(core.replayed(4, [bundle(4, 2)]))).to.deep.equal(['gap 2-3 expired', '4-5', '6-6']);
  });

  it('hands on what waits though the publisher no longer has it', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 1));
    core.take(bundle(4, 2));
    core.take(bundle(8, 1));
    expect(told(core.replayed(7, [bundle(7, 1)]))).to.deep.equal(['gap 2-3 expired', '4-5', 'gap 6-6 expired', '7-7', '8-8']);
    expect(core.duplicates).to.equal(0);
  });

  it('gives missing messages up when the publisher does not answer, or answers with nothing', () => {
    const silent = new StreamCore(1);
    silent.take(bundle(1, 1));
    silent.take(bundle(3, 1));
    expect(told(silent.replayFailed())).to.deep.equal(['gap 2-2 unreachable', '3-3']);
    const empty = new StreamCore(1);
    empty.take(bundle(1, 1));
    empty.take(bundle(3, 1));
    expect(told(empty.replayed(1, []))).to.deep.equal(['gap 2-2 expired', '3-3']);
  });

  it('does not hold more than a publisher keeps', () => {
    const core = new StreamCore(1);
    core.take(bundle(1, 1));
    core.take(bundle(3, maxHeldMessages));
    expect(told(core.take(bundle(maxHeldMessages + 4, 1)))[0]).to.equal('gap 2-2 expired');
  });

  it('hands on every message exactly once and in order, or tells it where it never came, whatever is lost, doubled and swapped on the way', () => {
    const disorder = fc.array(fc.record({ at: fc.nat(60), action: fc.constantFrom('drop', 'double', 'delay') }), { maxLength: 40 });
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }), disorder, fc.nat(40), (sizes, faults, ring) => {
      const sender = new PublishedStream({ epoch: 1, topic: 't', qos: 1 }, { pubsubReplayMessages: ring, pubsubReplayBytes: 1e6, pubsubReplayAgeMs: 1e9 }, 0);
      const sent = new Map<Uint8Array, Bundle>();
      const wire: Bundle[] = [bundle(1, 0)];
      for (const size of sizes) {
        const next = bundle(sender.number(size), size);
        const payload = Uint8Array.of(next.first);
        sent.set(payload, next);
        sender.keep(next.first, size, { payload, signature: payload }, 0);
        wire.push(next);
      }
      wire.push(bundle(sender.next, 0));
      for (const { at, action } of faults) {
        const index = 1 + (at % (wire.length - 1));
        if (action === 'double') wire.splice(index, 0, wire[index]!);
        else if (action === 'drop' && index < wire.length - 1) wire.splice(index, 1);
        else if (index + 1 < wire.length - 1) [wire[index], wire[index + 1]] = [wire[index + 1]!, wire[index]!];
      }
      const core = new StreamCore(1);
      const seen: number[] = [];
      const came = new Set<number>();
      const arrive = (next: Bundle): Bundle => {
        for (const index of next.bodies.keys()) came.add(next.first + index);
        return next;
      };
      const apply = (effects: readonly StreamEffect[]): void => {
        for (const effect of effects) {
          if (effect.type === 'deliver') for (let skip = 0; skip < effect.count; skip++) seen.push(effect.bundle.first + effect.skip + skip);
          else if (effect.type === 'gap') for (let seq = effect.from; seq <= effect.to; seq++) {
            expect(came.has(seq), `${seq} came`).to.equal(false);
            seen.push(seq);
          }
          else {
            const { oldest, bundles } = sender.replay(effect.from, effect.to, 0);
            apply(core.replayed(oldest, bundles.map(({ payload }) => arrive(sent.get(payload)!))));
          }
        }
      };
      for (const next of wire) apply(core.take(arrive(next)));
      expect(seen).to.deep.equal(Array.from({ length: sender.next - 1 }, (_, index) => index + 1));
    }));
  });
});

describe('Frames of a link', () => {
  const frame = (first: number, count = 1): { first: number; count: number } => ({ first, count });

  it('are put back into order', () => {
    const core = new LinkCore();
    expect(core.take(1, frame(1))).to.deep.equal([]);
    expect(core.take(1, frame(2))).to.deep.equal([]);
    expect(core.take(1, frame(0))).to.deep.equal([frame(0), frame(1), frame(2)]);
    expect(core.next).to.equal(3);
  });

  it('are taken once, and not when a later link has begun', () => {
    const core = new LinkCore();
    core.take(1, frame(0));
    expect(core.take(1, frame(0))).to.equal('stale');
    expect(core.take(2, frame(0))).to.deep.equal([frame(0)]);
    expect(core.take(1, frame(1))).to.equal('stale');
  });

  it('wait in bounded number', () => {
    const core = new LinkCore();
    const results = Array.from({ length: 10 }, (_, index) => core.take(1, frame(index + 1)));
    expect(results.filter((result) => result === 'full').length).to.equal(2);
  });
});
