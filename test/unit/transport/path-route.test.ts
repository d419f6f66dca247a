import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import type { PathStatus, Route } from '../../../src/lib/transport/endpoint.js';
import { PathSetCore, routeKey, type PathEffect } from '../../../src/lib/transport/path-set-core.js';
import { direct } from './path-pair.js';
import { nextHop } from '../../../src/lib/transport/route.js';

const b4 = { host: '203.0.113.1', port: 4433 };

function status(core: PathSetCore, route: Route): PathStatus | undefined {
  return core.statuses().find((one) => routeKey(one.route) === routeKey(route));
}

function single(): PathSetCore {
  return new PathSetCore({ random: seededRandom(3) }, direct(b4.host));
}

function probesOf(effects: readonly PathEffect[]): Extract<PathEffect, { type: 'sendProbe' }>[] {
  return effects.filter((one) => one.type === 'sendProbe');
}

describe('probing of one route', () => {
  const stranger = direct('203.0.113.9');

  function keyed(): PathSetCore {
    const core = single();
    const [probe] = probesOf(core.handle({ type: 'keyed' }, 0));
    core.handle({ type: 'probeAnswered', route: direct(b4.host), transaction: probe!.transaction }, 10);
    return core;
  }

  function untilQuiet(core: PathSetCore, untilMs: number): { atMs: number; effect: PathEffect }[] {
    const all: { atMs: number; effect: PathEffect }[] = [];
    for (let atMs = core.nextDeadline(); atMs !== undefined && atMs <= untilMs; atMs = core.nextDeadline()) {
      for (const effect of core.handleTimeout(atMs)) all.push({ atMs, effect });
    }
    return all;
  }

  it('fails a candidate after three tries with growing pauses', () => {
    const core = keyed();
    expect(probesOf(core.handle({ type: 'addRoute', route: stranger }, 100))).to.have.length(1);
    const all = untilQuiet(core, 10_000);
    expect(all.map((one) => [one.atMs, one.effect.type])).to.deep.equal([
      [600, 'sendProbe'],
      [1600, 'sendProbe'],
      [3600, 'failed'],
    ]);
    expect(status(core, stranger)).to.include({ state: 'failed' });
  });

  it('tries a failed route again when it is added again, and leaves one alone that is being probed', () => {
    const core = keyed();
    core.handle({ type: 'addRoute', route: stranger }, 100);
    expect(core.handle({ type: 'addRoute', route: stranger }, 200)).to.deep.equal([]);
    untilQuiet(core, 10_000);
    expect(probesOf(core.handle({ type: 'addRoute', route: stranger }, 11_000))).to.have.length(1);
    expect(status(core, stranger)).to.include({ state: 'candidate' });
  });

  it('accepts the late answer to an earlier try, once', () => {
    const core = keyed();
    const [first] = probesOf(core.handle({ type: 'addRoute', route: stranger }, 100));
    const [second] = probesOf(core.handleTimeout(600));
    core.handle({ type: 'probeAnswered', route: stranger, transaction: first!.transaction }, 700);
    expect(status(core, stranger)).to.include({ state: 'usable', rttMs: 600, lastSeenMs: 700 });
    for (const { transaction } of [first!, second!]) core.handle({ type: 'probeAnswered', route: stranger, transaction }, 900);
    expect(status(core, stranger)).to.include({ lastSeenMs: 700 });
  });

  it('ignores an answer nobody asked for', () => {
    const core = keyed();
    core.handle({ type: 'addRoute', route: stranger }, 100);
    core.handle({ type: 'probeAnswered', route: stranger, transaction: '0000000000000000' }, 200);
    expect(status(core, stranger)).to.include({ state: 'candidate' });
  });

  it('does not count an answer from another port for the route asked, but asks that port itself', () => {
    const core = keyed();
    const [probe] = probesOf(core.handle({ type: 'addRoute', route: stranger }, 100));
    const elsewhere = direct('203.0.113.9', 5555);
    const effects = probesOf(core.handle({ type: 'probeAnswered', route: elsewhere, transaction: probe!.transaction }, 150));
    expect(effects.map((one) => routeKey(one.route))).to.include(routeKey(elsewhere));
    expect(core.statuses().filter((one) => one.state === 'usable')).to.have.length(1);
  });

  it('answers a request where it came from, once, and asks that route itself', () => {
    const core = keyed();
    const request = { type: 'probeRequested', route: stranger, transaction: 'aa', sequence: 0 } as const;
    const effects = core.handle(request, 100);
    expect(effects[0]).to.deep.equal({ type: 'sendAnswer', route: stranger, transaction: 'aa', sequence: 0 });
    expect(probesOf(effects).map((one) => routeKey(one.route))).to.have.members([direct(b4.host), stranger].map(routeKey));
    expect(core.handle(request, 5000).filter((one) => one.type === 'sendAnswer')).to.deep.equal([]);
  });

  it('answers no more than its allowance', () => {
    const core = keyed();
    let answers = 0;
    for (let sequence = 0; sequence < 10_000; sequence += 1) {
      const effects = core.handle({ type: 'probeRequested', route: direct(b4.host), transaction: 'aa', sequence }, 100 + sequence);
      answers += effects.filter((one) => one.type === 'sendAnswer').length;
    }
    expect(answers).to.be.within(300, 64 + 320);
  });

  it('does not probe a usable route for the keepalives that come on it', () => {
    const core = keyed();
    const [probe] = probesOf(core.handle({ type: 'addRoute', route: stranger }, 100));
    core.handle({ type: 'probeAnswered', route: stranger, transaction: probe!.transaction }, 110);
    const effects = core.handle({ type: 'probeRequested', route: stranger, transaction: 'aa', sequence: 0 }, 2000);
    expect(effects.map((one) => one.type)).to.deep.equal(['sendAnswer']);
  });

  function withSecondRoute(): PathSetCore {
    const core = keyed();
    const [probe] = probesOf(core.handle({ type: 'addRoute', route: stranger }, 100));
    core.handle({ type: 'probeAnswered', route: stranger, transaction: probe!.transaction }, 110);
    return core;
  }

  for (const [name, first, moves] of [
    ['stays when the selected route answers before the one the peer’s packets come from', direct(b4.host), false],
    ['moves when only the one the peer’s packets come from answers', undefined, true],
  ] as const) {
    it(name, () => {
      const core = withSecondRoute();
      const probed = probesOf(core.handle({ type: 'packetFrom', route: stranger, bytes: 1 }, 2000));
      const answer = (route: Route, nowMs: number): readonly PathEffect[] => {
        const { transaction } = probed.find((one) => routeKey(one.route) === routeKey(route))!;
        return core.handle({ type: 'probeAnswered', route, transaction }, nowMs);
      };
      if (first) expect(answer(first, 2009)).to.deep.equal([]);
      answer(stranger, 2010);
      core.handle({ type: 'packetFrom', route: stranger, bytes: 1 }, 2011);
      expect(core.selected).to.deep.equal(moves ? stranger : direct(b4.host));
    });
  }

  it('asks the second route, too, when the first does not answer', () => {
    const core = withSecondRoute();
    core.packetSent(100, 1000);
    const all = untilQuiet(core, 4200);
    expect(all.map(({ atMs, effect }) => [atMs, effect.type, 'route' in effect && routeKey(effect.route)])).to.deep.equal([
      [4000, 'sendProbe', routeKey(direct(b4.host))],
      [4200, 'sendProbe', routeKey(direct(b4.host))],
      [4200, 'select', routeKey(direct(b4.host))],
      [4200, 'sendProbe', routeKey(stranger)],
    ]);
    expect(core.alsoTo).to.deep.equal(stranger);
  });

  it('refuses candidates beyond its room, and makes room by dropping ones that failed', () => {
    const core = keyed();
    const add = (n: number, nowMs: number): readonly PathEffect[] => core.handle({ type: 'addRoute', route: direct(`192.0.2.${n}`) }, nowMs);
    for (let n = 1; n <= 16; n += 1) expect(add(n, 100).some((one) => one.type === 'failed')).to.equal(false);
    expect(add(17, 100)).to.deep.equal([{ type: 'failed', route: direct('192.0.2.17') }]);
    untilQuiet(core, 10_000);
    expect(probesOf(add(18, 10_000))).to.have.length(1);
    expect(core.statuses()).to.have.length(17);
  });

  it('drops a route it only observed for one it was given', () => {
    const core = single();
    for (let n = 1; n <= 8; n += 1) core.handle({ type: 'packetFrom', route: direct(`192.0.2.${n}`), bytes: 1 }, 0);
    for (let n = 1; n <= 12; n += 1) core.handle({ type: 'addRoute', route: direct(`198.51.100.${n}`) }, 0);
    const added = core.statuses().filter((one) => nextHop(one.route).host.startsWith('198.51.100.'));
    expect(added).to.have.length(12);
    expect(core.statuses()).to.have.length(16);
  });

  it('spreads the probes of many routes when they exceed the allowance', () => {
    const core = single();
    for (let n = 1; n <= 15; n += 1) core.handle({ type: 'addRoute', route: direct(`192.0.2.${n}`) }, 0);
    expect(probesOf(core.handle({ type: 'keyed' }, 0))).to.have.length(16);
    const all = untilQuiet(core, 5000).filter((one) => one.effect.type === 'sendProbe' && routeKey(one.effect.route) !== routeKey(direct(b4.host)));
    expect(all).to.have.length(30);
    expect(all.filter((one) => one.atMs === 500).length).to.be.within(1, 12);
  });
});
