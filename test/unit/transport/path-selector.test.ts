import { expect } from 'chai';
import fc from 'fast-check';
import { pathTrustMs, selectPath, type PathView } from '../../../src/lib/transport/path-selector.js';

const nowMs = 100_000;

function path(key: string, changes: Partial<PathView> = {}): PathView {
  return { key, kind: key.startsWith('relay') ? 'relay' : 'direct', state: 'usable', rttMs: 50, lastSeenMs: nowMs - 100, waiting: true, unanswered: 0, peerMoved: false, provenFaster: false, aging: false, ...changes };
}

const stale = { lastSeenMs: nowMs - pathTrustMs };

describe('path selector', () => {
  const cases: [string, PathView[], string, string | undefined, string][] = [
    ['stays on the only path', [path('a')], 'a', undefined, 'only-path'],
    ['stays on the only path when it failed', [path('a', { state: 'failed' })], 'a', undefined, 'only-path'],
    ['never moves to a candidate', [path('a', { state: 'failed' }), path('b', { state: 'candidate' })], 'a', undefined, 'only-path'],
    ['stays on a path not yet confirmed', [path('a', { state: 'candidate', lastSeenMs: undefined, rttMs: undefined }), path('b')], 'a', undefined, 'keep'],
    ['stays on a good path', [path('a'), path('b')], 'a', undefined, 'keep'],

    ['leaves a relay for a direct path at once, even a slower one', [path('relay-a', { rttMs: 1 }), path('b')], 'b', undefined, 'upgrade'],
    ['leaves a relay for the fastest direct path', [path('relay-a'), path('b'), path('c', { rttMs: 20 })], 'c', undefined, 'upgrade'],
    ['stays on the relay while the direct path is not trusted', [path('relay-a'), path('b', stale)], 'relay-a', undefined, 'keep'],
    ['stays on the relay while a probe of the direct path is unanswered', [path('relay-a'), path('b', { unanswered: 1 })], 'relay-a', undefined, 'keep'],
    ['never leaves a direct path for a faster relay', [path('a'), path('relay-b', { rttMs: 1 })], 'a', undefined, 'keep'],

    ['moves to a path that was compared and is faster', [path('a'), path('b', { provenFaster: true })], 'b', undefined, 'faster'],
    ['does not move to a path that only seems to be faster', [path('a'), path('b', { rttMs: 1 })], 'a', undefined, 'keep'],
    ['does not move to a faster path that is not trusted', [path('a'), path('b', { provenFaster: true, ...stale })], 'a', undefined, 'keep'],
    ['moves between relays, too', [path('relay-a'), path('relay-b', { provenFaster: true })], 'relay-b', undefined, 'faster'],

    ['follows a peer that moved', [path('a'), path('b', { peerMoved: true })], 'b', undefined, 'peer-moved'],
    ['does not follow the peer from a direct path to a relay', [path('a'), path('relay-b', { peerMoved: true })], 'a', undefined, 'keep'],

    ['leaves a direct path that may be dead soon for a newer one, even a slower one', [path('a', { aging: true }), path('b', { rttMs: 500 })], 'b', undefined, 'renewed'],
    ['stays on it where the other ones are as old', [path('a', { aging: true }), path('b', { rttMs: 1, aging: true })], 'a', undefined, 'keep'],
    ['stays on it while a newer one does not answer', [path('a', { aging: true }), path('b', { unanswered: 1 })], 'a', undefined, 'keep'],
    ['never leaves it for a relay', [path('a', { aging: true }), path('relay-b')], 'a', undefined, 'keep'],
    ['does not return from the newer path to a faster one that may be dead soon', [path('a'), path('b', { provenFaster: true, aging: true })], 'a', undefined, 'keep'],

    ['sends on the relay, too, after one unanswered probe', [path('a', { unanswered: 1 }), path('relay-b')], 'a', 'relay-b', 'in-doubt'],
    ['sends on the relay, too, when the trust expired', [path('a', stale), path('relay-b')], 'a', 'relay-b', 'in-doubt'],
    ['calls it rest where nothing was sent in that time', [path('a', { ...stale, waiting: false }), path('relay-b')], 'a', 'relay-b', 'at-rest'],
    ['calls it doubt where a probe was', [path('a', { ...stale, waiting: false, unanswered: 1 }), path('relay-b', stale)], 'a', 'relay-b', 'in-doubt'],
    ['trusts a path one millisecond less than that long', [path('a', { lastSeenMs: nowMs - pathTrustMs + 1 }), path('relay-b')], 'a', undefined, 'keep'],
    ['moves to the relay when the trust expired and a probe is unanswered', [path('a', { ...stale, unanswered: 1 }), path('relay-b')], 'relay-b', undefined, 'silent'],
    ['sends on both while neither is trusted', [path('a', { ...stale, unanswered: 3 }), path('relay-b', stale)], 'a', 'relay-b', 'in-doubt'],
    ['prefers a direct path that answers over the relay when in doubt', [path('a', { unanswered: 1 }), path('relay-b', { rttMs: 1 }), path('c')], 'a', 'c', 'in-doubt'],
    ['sends on the relay rather than on another direct path that is no surer', [path('a', { unanswered: 1 }), path('c', stale), path('relay-b', stale)], 'a', 'relay-b', 'in-doubt'],
    ['moves to a direct path that answers after two unanswered probes', [path('a', { unanswered: 2 }), path('b', { rttMs: 500 })], 'b', undefined, 'silent'],
    ['does not move for one lost probe', [path('a', { unanswered: 1 }), path('b', { rttMs: 500 })], 'a', 'b', 'in-doubt'],

    ['moves to the relay when the direct path failed', [path('a', { state: 'failed' }), path('relay-b')], 'relay-b', undefined, 'failed'],
    ['moves to an untrusted relay when the direct path failed', [path('a', { state: 'failed' }), path('relay-b', stale)], 'relay-b', undefined, 'failed'],
    ['sends on two untrusted paths when the selected one failed', [path('a', { state: 'failed' }), path('relay-b', stale), path('c', stale)], 'c', 'relay-b', 'failed'],
    ['prefers a trusted relay over an untrusted direct path when the selected one failed', [path('a', { state: 'failed' }), path('b', stale), path('relay-c')], 'relay-c', undefined, 'failed'],
    ['chooses the best when the selected path is gone', [path('b'), path('c', { rttMs: 10 })], 'c', undefined, 'failed'],
    ['takes a path of known round trip before one of unknown', [path('b', { rttMs: undefined }), path('c', { rttMs: 900 })], 'c', undefined, 'failed'],
  ];
  for (const [name, paths, key, alsoTo, reason] of cases) {
    it(name, () => {
      const current = paths[0]!.key === 'b' ? 'a' : paths[0]!.key;
      expect(selectPath(paths, current, nowMs)).to.deep.equal({ key, alsoTo, reason });
    });
  }

  const anyPath = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'relay-d', 'relay-e'),
    state: fc.constantFrom('candidate' as const, 'usable' as const, 'failed' as const),
    rttMs: fc.option(fc.nat(300), { nil: undefined }),
    lastSeenMs: fc.option(fc.integer({ min: nowMs - 20_000, max: nowMs }), { nil: undefined }),
    waiting: fc.boolean(),
    unanswered: fc.nat(3),
    peerMoved: fc.boolean(),
    provenFaster: fc.boolean(),
    aging: fc.boolean(),
  });
  const anyPaths = fc.uniqueArray(anyPath, { selector: (one) => one.key, minLength: 1 }).map((ones) => ones.map((one) => path(one.key, one)));

  it('only ever chooses the current path or a usable one, and duplicates to a usable other one', () => {
    fc.assert(
      fc.property(anyPaths, (paths) => {
        const choice = selectPath(paths, 'a', nowMs);
        const usable = paths.filter((one) => one.state === 'usable').map((one) => one.key);
        expect(choice.key).to.be.oneOf(['a', ...usable]);
        if (choice.alsoTo === undefined) return;
        expect(choice.alsoTo).to.be.oneOf(usable);
        expect(choice.alsoTo).to.not.equal(choice.key);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not flap: from the same facts, the path it moved to is kept', () => {
    fc.assert(
      fc.property(anyPaths, (given) => {
        const paths = given.map((one) => ({ ...one, peerMoved: false, provenFaster: false }));
        let current = 'a';
        for (let step = 0; step < 4; step += 1) current = selectPath(paths, current, nowMs).key;
        expect(selectPath(paths, current, nowMs).key).to.equal(current);
      }),
      { numRuns: 1000 },
    );
  });
});
