import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { routeKey } from '../../../src/lib/transport/path-set-core.js';
import { PathPair, relayed } from '../../unit/transport/path-pair.js';

const a = { host: '198.51.100.1', port: 4433 };
const b = { host: '203.0.113.1', port: 4433 };
const [one, two] = [relayed('1'), relayed('2')];
const seeds = Array.from({ length: 8 }, (_, index) => index + 1);
const minutes = 60_000;

/** A connection through the first relay, with the second in reserve, and packets both ways. @param delayMs one way, of a relay, for a packet @param everyMs of packets */
function throughTwo(seed: number, delayMs: (relay: 1 | 2, random: () => number) => number, everyMs = 100): PathPair {
  const random = seededRandom(seed);
  const net = new PathPair([a], [b], one);
  net.relayDelayMs = (sessionId) => delayMs(sessionId === one.sessionId ? 1 : 2, () => random.float());
  net.start(everyMs);
  net.run(500);
  net.add('a', two);
  net.add('b', two);
  return net;
}

/** How often packets of either side took another relay. */
function moves(net: PathPair): number {
  let count = 0;
  for (const name of ['a', 'b'] as const) {
    let at = routeKey(one);
    for (const { route } of net.effects(name, 'select')) {
      if (routeKey(route) !== at) count += 1;
      at = routeKey(route);
    }
  }
  return count;
}

/** Most packets are in time, some have waited behind others. */
const waiting = (random: () => number): number => -Math.log(1 - random()) * 15;

describe('a connection with two relays', () => {
  it('stays where it is for half an hour while both are equally fast, whatever waits in queues', () => {
    for (const seed of seeds) {
      const net = throughTwo(seed, (_, random) => 5 + waiting(random));
      net.run(30 * minutes);
      expect(moves(net), `seed ${seed}`).to.be.at.most(1);
    }
  });

  it('does not go to and fro for the sake of packets that the peer sends through the other one', () => {
    for (const seed of seeds) {
      const net = throughTwo(seed, (_, random) => 20 + random());
      net.run(5000);
      const before = moves(net);
      // One side alone has moved, and each hears the other on the relay it does not use.
      net.lose('a', one);
      net.add('a', one);
      net.run(10 * minutes);
      expect(moves(net) - before, `seed ${seed}`).to.be.at.most(1);
    }
  });

  it('moves to the other relay when that is clearly faster, both sides within a minute', () => {
    for (const seed of seeds) {
      const net = throughTwo(seed, (relay, random) => (relay === 1 ? 80 : 20) + 10 * random());
      net.run(minutes);
      for (const side of Object.values(net.sides)) expect(routeKey(side.core.selected), `seed ${seed}`).to.equal(routeKey(two));
      net.run(30 * minutes);
      expect(moves(net), `seed ${seed}`).to.equal(2);
    }
  });

  it('moves ever less often where one is faster and then the other', () => {
    for (const seed of seeds) {
      let [slow, fast] = [80, 20];
      const net = throughTwo(seed, (relay, random) => (relay === 1 ? slow : fast) + 5 * random());
      for (let minute = 0; minute < 60; minute += 1) {
        net.run(minutes);
        [slow, fast] = [fast, slow];
      }
      expect(moves(net), `seed ${seed}`).to.be.within(2, 14);
    }
  });
});
