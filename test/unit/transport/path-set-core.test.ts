import { expect } from 'chai';
import fc from 'fast-check';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import type { PathStatus, Route } from '../../../src/lib/transport/endpoint.js';
import { PathSetCore, routeKey, type PathEffect } from '../../../src/lib/transport/path-set-core.js';
import { direct, PathPair } from './path-pair.js';
import { nextHop } from '../../../src/lib/transport/route.js';

const a4 = { host: '198.51.100.1', port: 4433 };
const b4 = { host: '203.0.113.1', port: 4433 };
const a6 = { host: '2001:db8::a', port: 4433 };
const b6 = { host: '2001:db8::b', port: 4433 };
const rttMs = 40;

function rebound(port: number): SocketAddress {
  return { host: a4.host, port };
}

function isV6(address: SocketAddress): boolean {
  return address.host.includes(':');
}

function pair(everyMs: number): PathPair {
  const net = new PathPair([a4], [b4]);
  net.start(everyMs);
  return net;
}

/** Two paths: IPv4 of 40 ms, on which the connection is made, and IPv6 of 20 ms. */
function dualStack(everyMs: number): PathPair {
  const net = new PathPair([a4, a6], [b4, b6]);
  net.delayMs = (from) => (isV6(from) ? 10 : 20);
  net.start(everyMs);
  net.add('a', direct(b6.host));
  return net;
}

function status(core: PathSetCore, route: Route): PathStatus | undefined {
  return core.statuses().find((one) => routeKey(one.route) === routeKey(route));
}

function single(): PathSetCore {
  return new PathSetCore({ random: seededRandom(3) }, direct(b4.host));
}

function probesOf(effects: readonly PathEffect[]): Extract<PathEffect, { type: 'sendProbe' }>[] {
  return effects.filter((one) => one.type === 'sendProbe');
}

describe('path set of a connection', () => {
  it('uses the route the connection was made on and sends no probe before the key is agreed', () => {
    const core = single();
    expect(core.selected).to.deep.equal(direct(b4.host));
    expect(core.handle({ type: 'addRoute', route: direct(b6.host) }, 0)).to.deep.equal([]);
    expect(core.handle({ type: 'packetFrom', route: direct(b4.host, 9), bytes: 1 }, 0)).to.deep.equal([]);
    expect(core.handle({ type: 'probeRequested', route: direct(b4.host), transaction: 'aa', sequence: 0 }, 0)).to.deep.equal([]);
    expect(core.nextDeadline()).to.equal(undefined);
    expect(core.handleTimeout(60_000)).to.deep.equal([]);
    const probed = probesOf(core.handle({ type: 'keyed' }, 60_000)).map((one) => routeKey(one.route));
    expect(probed).to.have.members([direct(b4.host), direct(b6.host), direct(b4.host, 9)].map(routeKey));
  });

  it('confirms the initial route and measures its round trip once keyed', () => {
    const net = pair(Number.POSITIVE_INFINITY);
    net.run(100);
    for (const { core } of Object.values(net.sides)) {
      const [only] = core.statuses();
      expect(only).to.include({ state: 'usable', selected: true, rttMs });
    }
    expect(net.effects('a', 'select')).to.deep.equal([]);
  });

  it('counts bytes by route', () => {
    const net = pair(10);
    net.run(1000);
    expect(status(net.sides.a.core, direct(b4.host))).to.include({ bytesSent: 10_000, bytesReceived: 9800 });
  });

  describe('when a NAT rebinds the peer', () => {
    it('follows it within one round trip under traffic, and loses only what was under way to the old port', () => {
      const net = pair(1);
      net.run(2000);
      const changedMs = net.nowMs;
      net.sides.a.addresses = [rebound(50_000)];
      net.run(3000);
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host, 50_000));
      expect(net.effects('b', 'select').at(-1)).to.include({ reason: 'peer-moved' });
      // Half a round trip until its first packet comes, one for the probe.
      expect(net.lastSelectMs('b') - changedMs).to.be.at.most(1.5 * rttMs + 2);
      const lost = net.missing('b').filter((number) => number < net.sides.b.sent - rttMs);
      expect(lost.length).to.be.within(1, 2 * rttMs + 2);
      expect(net.missing('a').filter((number) => number < net.sides.a.sent - rttMs)).to.deep.equal([]);
    });

    it('changes nothing on the side that was rebound', () => {
      const net = pair(5);
      net.run(1000);
      net.sides.a.addresses = [rebound(50_000)];
      net.run(5000);
      expect(net.effects('a', 'select')).to.deep.equal([]);
      expect(net.sides.a.core.statuses()).to.have.length(1);
    });

    it('follows it every time it happens, also back to an earlier port', () => {
      const net = pair(2);
      net.run(2000);
      for (const port of [50_000, 50_001, 4433, 50_000, 50_002, 4433]) {
        net.sides.a.addresses = [rebound(port)];
        net.run(2 * rttMs);
        expect(net.sides.b.core.selected, `port ${port}`).to.deep.equal(direct(a4.host, port));
        net.run(5000 - 2 * rttMs);
      }
    });

    it('follows fifty ports in a row without keeping them all', () => {
      const net = pair(5);
      for (let port = 50_000; port < 50_050; port += 1) {
        net.sides.a.addresses = [rebound(port)];
        net.run(700);
        expect(net.sides.b.core.selected, `port ${port}`).to.deep.equal(direct(a4.host, port));
        expect(net.sides.b.core.statuses().length).to.be.at.most(24);
      }
    });

    it('follows it although a packet from the old port is overtaken and comes last', () => {
      const net = pair(1);
      net.run(1000);
      net.delayMs = (from) => (from.port === 4433 && from.host === a4.host ? 35 : 20);
      net.run(50);
      net.sides.a.addresses = [rebound(50_000)];
      net.run(3 * rttMs);
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host, 50_000));
    });

    it('finds it again when only the peer’s keepalive shows that it moved', () => {
      const net = pair(Number.POSITIVE_INFINITY);
      net.run(1000);
      net.sides.a.addresses = [rebound(50_000)];
      net.run(16_000);
      net.traffic('b', 100);
      net.run(2000);
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host, 50_000));
      expect(net.missing('b').length).to.be.at.most(5);
    });

    it('is reached when both were rebound at once and one of them sends', () => {
      const net = pair(Number.POSITIVE_INFINITY);
      net.run(1000);
      net.sides.a.addresses = [rebound(50_000)];
      net.traffic('a', 10);
      net.run(200);
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host, 50_000));
    });
  });

  describe('against packets with forged sources', () => {
    it('probes the source once it may, and never sends packets there', () => {
      const net = pair(10);
      net.run(500);
      const attacker = { host: '192.0.2.66', port: 666 };
      for (let i = 0; i < 1000; i += 1) {
        net.spoof('b', attacker);
        net.run(10);
      }
      expect(net.effects('b', 'select')).to.deep.equal([]);
      const probes = net.effects('b', 'sendProbe').filter((one) => nextHop(one.route).host === attacker.host);
      expect(probes.length).to.be.within(1, 20);
      expect(net.missing('b').filter((number) => number < net.sides.b.sent - 5)).to.deep.equal([]);
    });

    it('keeps routes and probes bounded in a flood from ever new sources, and stays with the peer', () => {
      const net = pair(20);
      net.run(500);
      const fromMs = net.nowMs;
      for (let i = 0; i < 5000; i += 1) {
        net.spoof('b', { host: `192.0.${i % 256}.${(i >> 8) + 1}`, port: 1000 });
        net.run(2);
        expect(net.sides.b.core.statuses().length).to.be.at.most(9);
      }
      const seconds = (net.nowMs - fromMs) / 1000;
      const strangers = net.effects('b', 'sendProbe', fromMs).filter((one) => nextHop(one.route).host !== a4.host);
      expect(strangers.length).to.be.at.most(3 * (8 + 2 * seconds));
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host));
    });

    it('still finds a peer that moves in the middle of the flood, as its own probes are authenticated', () => {
      const net = pair(20);
      net.run(500);
      for (let i = 0; i < 5000; i += 1) {
        if (i === 1000) net.sides.a.addresses = [rebound(50_000)];
        net.spoof('b', { host: `192.0.${i % 256}.${(i >> 8) + 1}`, port: 1000 });
        net.run(2);
      }
      expect(net.sides.b.core.selected).to.deep.equal(direct(a4.host, 50_000));
    });
  });

  describe('with two paths', () => {
    it('moves to a clearly faster one, on both sides, without losing a packet', () => {
      const net = dualStack(5);
      net.run(5000);
      expect(net.sides.a.core.selected).to.deep.equal(direct(b6.host));
      expect(net.effects('a', 'select')[0]).to.include({ reason: 'faster' });
      expect(net.sides.b.core.selected).to.deep.equal(direct(a6.host));
      expect(net.missing('a').filter((number) => number < net.sides.a.sent - 10)).to.deep.equal([]);
    });

    it('leaves a path that goes silent within five seconds, sending on both while in doubt', () => {
      const net = dualStack(5);
      net.run(5000);
      const cutMs = net.nowMs;
      const sentBefore = net.sides.a.sent;
      net.lost = isV6;
      net.run(8000);
      const selects = net.effects('a', 'select', cutMs);
      expect(selects[0]).to.deep.include({ route: direct(b6.host), alsoTo: direct(b4.host), reason: 'in-doubt' });
      expect(net.lastSelectMs('a') - cutMs).to.be.at.most(5000);
      expect(net.sides.a.core.selected).to.deep.equal(direct(b4.host));
      const lastMissing = net.missing('a').filter((number) => number < net.sides.a.sent - 20).at(-1)!;
      expect((lastMissing - sentBefore) * 5).to.be.at.most(5000);
      expect(status(net.sides.a.core, direct(b6.host))).to.include({ state: 'failed', selected: false });
      expect(net.effects('a', 'failed').map((one) => one.route)).to.deep.equal([direct(b6.host)]);
    });

    it('comes back to it when it works again', () => {
      const net = dualStack(5);
      net.run(5000);
      net.lost = isV6;
      net.run(20_000);
      net.lost = () => false;
      net.run(30_000);
      expect(net.sides.a.core.selected).to.deep.equal(direct(b6.host));
    });

    it('forgets a failed path that does not come back for minutes', () => {
      const net = dualStack(50);
      net.run(5000);
      net.lost = isV6;
      net.run(300_000);
      expect(net.sides.a.core.statuses()).to.have.length(1);
    });

    it('does not flap when both paths lose a tenth of everything and are equally fast', () => {
      const net = new PathPair([a4, a6], [b4, b6]);
      const random = seededRandom(11);
      net.lost = () => random.float() < 0.1;
      net.delayMs = () => 20 + random.float() * 4;
      net.start(20);
      net.add('a', direct(b6.host));
      net.run(120_000);
      const moves = net.effects('a', 'select').length + net.effects('b', 'select').length;
      expect(moves).to.be.at.most(4);
    });

    it('sends on both after a long silence until the selected one answers', () => {
      const net = dualStack(Number.POSITIVE_INFINITY);
      net.run(6000 + 2000);
      expect(net.sides.a.core.alsoTo).to.not.equal(undefined);
      net.traffic('a', 50);
      net.traffic('b', 50);
      net.run(300);
      expect(net.sides.a.core.alsoTo).to.equal(undefined);
      net.run(300);
      expect(net.missing('a').filter((number) => number < net.sides.a.sent - 2)).to.deep.equal([]);
    });
  });

  describe('with one path', () => {
    it('stays on it through a blackout of 30 s and finds it working soon after', () => {
      const net = pair(50);
      net.run(2000);
      net.lost = () => true;
      net.run(30_000);
      expect(status(net.sides.a.core, direct(b4.host))).to.include({ state: 'failed', selected: true });
      net.lost = () => false;
      net.run(6000);
      expect(status(net.sides.a.core, direct(b4.host))).to.include({ state: 'usable', selected: true });
      expect(net.effects('a', 'select')).to.deep.equal([]);
    });

    it('probes a busy path only when what is sent on it goes unanswered for 3 s', () => {
      const net = pair(50);
      net.run(60_000);
      expect(net.effects('a', 'sendProbe')).to.have.length(1);
      net.traffic('b', Number.POSITIVE_INFINITY);
      net.run(30_000);
      expect(net.effects('a', 'sendProbe').length).to.be.within(9, 12);
    });

    it('probes an idle path every 15 s', () => {
      const net = pair(Number.POSITIVE_INFINITY);
      net.run(150_000);
      expect(net.effects('a', 'sendProbe').length + net.effects('b', 'sendProbe').length).to.be.within(10, 22);
    });

    it('survives a third of its probes being lost', () => {
      const net = new PathPair([a4], [b4]);
      const random = seededRandom(5);
      net.lost = () => random.float() < 0.18;
      net.start(Number.POSITIVE_INFINITY);
      net.run(600_000);
      expect(net.effects('a', 'failed').length).to.be.at.most(3);
      expect(status(net.sides.a.core, direct(b4.host))!.state).to.equal('usable');
    });
  });
});

describe('any sequence of events', () => {
  const hosts = Array.from({ length: 40 }, (_, n) => direct(`192.0.2.${n + 1}`));
  const initial = hosts[0]!;
  const step = fc.record({
    kind: fc.constantFrom('keyed', 'addRoute', 'packetFrom', 'packetFrom', 'answer', 'answer', 'answerElsewhere', 'forgedAnswer', 'request', 'timeout', 'sent', 'received'),
    host: fc.nat(hosts.length - 1),
    pick: fc.nat(1000),
    afterMs: fc.oneof(fc.nat(50), fc.nat(4000)),
  });

  it('never moves packets to a route that answered no probe, and keeps routes and probes bounded', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const core = new PathSetCore({ random: seededRandom(9) }, initial);
        const proven = new Set([routeKey(initial)]);
        const asked: { key: string; route: Route; transaction: string }[] = [];
        const probeTimes: number[] = [];
        let nowMs = 0;
        let sequence = 0;
        const check = (effects: readonly PathEffect[]): void => {
          for (const effect of effects) {
            if (effect.type === 'sendProbe') {
              asked.push({ key: routeKey(effect.route), route: effect.route, transaction: effect.transaction });
              probeTimes.push(nowMs);
            }
            if (effect.type !== 'select') continue;
            expect(proven.has(routeKey(effect.route)), 'selected').to.equal(true);
            if (effect.alsoTo) expect(proven.has(routeKey(effect.alsoTo)), 'copied to').to.equal(true);
          }
          expect(proven.has(routeKey(core.selected))).to.equal(true);
          expect(core.statuses().length).to.be.at.most(24);
          expect(core.statuses().filter((one) => one.selected)).to.have.length(1);
        };
        for (const { kind, host, pick, afterMs } of steps) {
          nowMs += afterMs;
          const route = hosts[host]!;
          const probe = asked[asked.length - 1 - (pick % Math.min(asked.length, 20))];
          if (kind === 'keyed') check(core.handle({ type: 'keyed' }, nowMs));
          else if (kind === 'addRoute') check(core.handle({ type: 'addRoute', route }, nowMs));
          else if (kind === 'packetFrom') check(core.handle({ type: 'packetFrom', route, bytes: 10 }, nowMs));
          else if (kind === 'request') check(core.handle({ type: 'probeRequested', route, transaction: 'aa', sequence: (sequence += 1) }, nowMs));
          else if (kind === 'forgedAnswer') check(core.handle({ type: 'probeAnswered', route, transaction: 'ffffffffffffffff' }, nowMs));
          else if (kind === 'answer' && probe) {
            proven.add(probe.key);
            check(core.handle({ type: 'probeAnswered', route: probe.route, transaction: probe.transaction }, nowMs));
          } else if (kind === 'answerElsewhere' && probe && routeKey(route) !== probe.key) check(core.handle({ type: 'probeAnswered', route, transaction: probe.transaction }, nowMs));
          else if (kind === 'sent') core.packetSent(100, nowMs);
          else if (kind === 'received') core.packetReceived(100, nowMs);
          check(core.handleTimeout(nowMs));
          // Whatever is due is done: otherwise the shell's timer would spin.
          expect(core.nextDeadline() ?? Number.POSITIVE_INFINITY).to.be.above(nowMs);
        }
        expect(probeTimes.length).to.be.at.most(20 + (16 * nowMs) / 1000 + 1);
      }),
      { numRuns: 400 },
    );
  });
});
