import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import type { PathStatus, Route } from '../../../src/lib/transport/endpoint.js';
import { PathSetCore, routeKey, type PathEffect } from '../../../src/lib/transport/path-set-core.js';
import { direct } from './path-pair.js';

const [ownHost, peerHost] = ['198.51.100.1', '203.0.113.1'];

function status(core: PathSetCore, route: Route): PathStatus | undefined {
  return core.statuses().find((one) => routeKey(one.route) === routeKey(route));
}

function single(): PathSetCore {
  return new PathSetCore({ random: seededRandom(3) }, direct(peerHost));
}

function probesOf(effects: readonly PathEffect[]): Extract<PathEffect, { type: 'sendProbe' }>[] {
  return effects.filter((one) => one.type === 'sendProbe');
}

describe('path set of a connection for which holes are punched', () => {
  const guesses = Array.from({ length: 30 }, (_, index) => direct(peerHost, 5000 + index));

  function keyed(): PathSetCore {
    const core = single();
    core.handle({ type: 'keyed' }, 0);
    return core;
  }

  it('probes all addresses at once and keeps none of those that do not answer', () => {
    const core = keyed();
    const probes = probesOf(core.handle({ type: 'punch', routes: guesses }, 10));
    expect(probes.map(({ route }) => route)).to.deep.equal(guesses);
    expect(new Set(probes.map(({ sequence }) => sequence)).size).to.equal(30);
    expect(core.statuses()).to.have.length(1);
  });

  it('makes a route of the one that answers, at once usable, also where there is no room for one more candidate', () => {
    const core = keyed();
    for (let port = 1; port <= 20; port++) core.handle({ type: 'addRoute', route: direct(ownHost, port) }, 5);
    const probe = probesOf(core.handle({ type: 'punch', routes: guesses }, 10))[17]!;
    core.handle({ type: 'probeAnswered', route: probe.route, transaction: probe.transaction }, 42);
    expect(status(core, probe.route)).to.include({ state: 'usable', rttMs: 32 });
    expect(core.handle({ type: 'probeAnswered', route: probe.route, transaction: probe.transaction }, 50)).to.deep.equal([]);
  });

  it('probes where an answer came from when that is not where it was asked', () => {
    const core = keyed();
    const probe = probesOf(core.handle({ type: 'punch', routes: guesses }, 10))[0]!;
    const [challenge] = probesOf(core.handle({ type: 'probeAnswered', route: direct(peerHost, 6000), transaction: probe.transaction }, 42)).slice(-1);
    expect(challenge!.route).to.deep.equal(direct(peerHost, 6000));
    expect(status(core, direct(peerHost, 6000))).to.include({ state: 'candidate' });
  });

  it('forgets what was asked after five seconds, and tells a side socket from the node’s own', () => {
    const core = keyed();
    const side = { ...direct(peerHost, 5000), socket: 3 } as Route;
    const [probe] = probesOf(core.handle({ type: 'punch', routes: [side] }, 10));
    core.handle({ type: 'probeAnswered', route: direct(peerHost, 5000), transaction: probe!.transaction }, 42);
    expect(status(core, side)).to.equal(undefined);
    const [late] = probesOf(core.handle({ type: 'punch', routes: [side] }, 100));
    core.handle({ type: 'punch', routes: guesses.slice(0, 1) }, 6000);
    core.handle({ type: 'probeAnswered', route: side, transaction: late!.transaction }, 6001);
    expect(status(core, side)).to.equal(undefined);
  });

  it('sends no more than a burst and 160 a second, and nothing before the key is agreed', () => {
    expect(single().handle({ type: 'punch', routes: guesses }, 0)).to.deep.equal([]);
    const core = keyed();
    let sent = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 10) sent += probesOf(core.handle({ type: 'punch', routes: guesses }, nowMs)).length;
    expect(sent).to.be.within(1900, 1920 + 20);
  });
});
