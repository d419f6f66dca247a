import { expect } from 'chai';
import { routeKey } from '../../../src/lib/transport/path-set-core.js';
import { direct, PathPair, relayed } from './path-pair.js';

const a = { host: '198.51.100.1', port: 4433 };
const b = { host: '203.0.113.1', port: 4433 };
/** Virtual time at which every test begins to send. */
const startMs = 1000;
const [one, two] = [relayed('1'), relayed('2')];

/** A connection made through a relay, 60 ms there and back; a direct path takes 20 ms. Nothing is tried directly yet. */
function throughRelay(everyMs: number): PathPair {
  const net = new PathPair([a], [b], one);
  net.delayMs = () => 10;
  net.start(everyMs);
  net.run(500);
  return net;
}

function onRelay(net: PathPair): readonly string[] {
  return (['a', 'b'] as const).map((name) => routeKey(net.sides[name].core.selected));
}

/** Both sides on the direct path, with the relay in reserve. */
function upgraded(everyMs: number): PathPair {
  const net = throughRelay(everyMs);
  net.add('a', direct(b.host));
  net.run(1000);
  expect(onRelay(net)).to.deep.equal([routeKey(direct(b.host)), routeKey(direct(a.host))]);
  return net;
}

describe('path set with a relay', () => {
  it('moves to a direct path within two of its round trips after one side learned of it, both ways, and loses nothing', () => {
    const net = throughRelay(10);
    const fromMs = net.nowMs;
    net.add('a', direct(b.host));
    net.run(10_000);
    for (const name of ['a', 'b'] as const) {
      expect(net.effects(name, 'select').map(({ reason }) => reason)).to.deep.equal(['upgrade']);
      expect(net.lastSelectMs(name) - fromMs).to.be.at.most(40);
      net.traffic(name, Number.POSITIVE_INFINITY);
    }
    net.run(100);
    expect([net.missing('a'), net.missing('b')]).to.deep.equal([[], []]);
  });

  it('keeps the relay in reserve with a probe each 15 s and no packets', () => {
    const net = upgraded(100);
    const fromMs = net.nowMs;
    net.run(60_000);
    const probes = net.effects('a', 'sendProbe', fromMs).filter(({ route }) => route.kind === 'relay');
    expect(probes).to.have.length(4);
    expect(net.effects('a', 'select', fromMs)).to.deep.equal([]);
  });

  it('is in no doubt while nothing is to be sent: a probe of the relay every 15 s, and of the direct path', () => {
    const net = upgraded(10);
    for (const name of ['a', 'b'] as const) net.traffic(name, Number.POSITIVE_INFINITY);
    net.run(1000);
    const fromMs = net.nowMs;
    net.run(300_000);
    for (const name of ['a', 'b'] as const) {
      expect(net.effects(name, 'sendProbe', fromMs).filter(({ route }) => route.kind === 'relay')).to.have.length(20);
      expect(new Set(net.effects(name, 'select', fromMs).map(({ reason }) => reason))).to.deep.equal(new Set(['keep', 'at-rest']));
    }
  });

  it('falls back to the relay within 5 s when the direct path is cut, and returns when it is whole again', () => {
    const net = upgraded(10);
    const cutMs = net.nowMs;
    net.lost = () => true;
    net.run(30_000);
    for (const name of ['a', 'b'] as const) {
      const [first] = net.sides[name].effects.filter(({ atMs, effect }) => atMs >= cutMs && effect.type === 'select');
      expect(first!.atMs - cutMs).to.be.at.most(5000);
      const sentBefore = Math.ceil((first!.atMs - startMs) / 10);
      const flying = net.sides[name].sent - 3;
      // From the first doubt on everything comes through.
      expect(net.missing(name).filter((number) => number > sentBefore && number < flying)).to.deep.equal([]);
    }
    expect(onRelay(net)).to.deep.equal([routeKey(one), routeKey(one)]);
    net.lost = () => false;
    net.run(61_000);
    expect(onRelay(net)).to.deep.equal([routeKey(direct(b.host)), routeKey(direct(a.host))]);
  });

  it('does nothing at all when every relay dies while the direct path is good', () => {
    const net = upgraded(10);
    net.add('a', two);
    net.run(1000);
    const fromMs = net.nowMs;
    net.relayDelayMs = () => undefined;
    net.run(120_000);
    for (const name of ['a', 'b'] as const) {
      expect(net.effects(name, 'select', fromMs)).to.deep.equal([]);
      net.traffic(name, Number.POSITIVE_INFINITY);
    }
    net.run(100);
    expect([net.missing('a'), net.missing('b')]).to.deep.equal([[], []]);
  });

  it('goes to the other relay within 5 s when the one in use falls silent, and at once when its end is known', () => {
    const silent = throughRelay(50);
    silent.add('a', two);
    silent.run(1000);
    const deadMs = silent.nowMs;
    silent.relayDelayMs = (sessionId) => (sessionId === one.sessionId ? undefined : 30);
    silent.run(10_000);
    for (const name of ['a', 'b'] as const) {
      const [first] = silent.sides[name].effects.filter(({ atMs, effect }) => atMs >= deadMs && effect.type === 'select');
      expect(first!.atMs - deadMs).to.be.at.most(5000);
    }
    expect(onRelay(silent)).to.deep.equal([routeKey(two), routeKey(two)]);

    const told = throughRelay(50);
    told.add('a', two);
    told.run(1000);
    for (const name of ['a', 'b'] as const) told.lose(name, one);
    expect(onRelay(told)).to.deep.equal([routeKey(two), routeKey(two)]);
    expect(told.sides.a.core.statuses().map(({ route }) => routeKey(route))).to.deep.equal([routeKey(two)]);
  });

  it('waits on the last route after its end and takes the first one that comes', () => {
    const net = throughRelay(50);
    for (const name of ['a', 'b'] as const) net.lose(name, one);
    const fromMs = net.nowMs;
    net.run(20_000);
    expect(net.effects('a', 'sendProbe', fromMs)).to.deep.equal([]);
    expect(onRelay(net)).to.deep.equal([routeKey(one), routeKey(one)]);
    net.add('a', two);
    net.run(1000);
    expect(onRelay(net)).to.deep.equal([routeKey(two), routeKey(two)]);
  });

  it('never sends on a lost route again, though packets on their way from it still come', () => {
    const net = throughRelay(50);
    net.lose('a', one);
    const fromMs = net.nowMs;
    net.run(5000);
    expect(net.effects('a', 'sendProbe', fromMs)).to.deep.equal([]);
  });
});
