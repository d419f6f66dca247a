import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { seededRandom } from '../../../src/lib/base/random.js';
import { ConnectionPaths, probeOf, type PathHost } from '../../../src/lib/transport/connection-paths.js';
import { encodeProbe } from '../../../src/lib/transport/path-probe.js';
import { RelayLink } from '../../../src/lib/transport/relay-link.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { direct, relayed } from './path-pair.js';

const [near, far] = [direct('198.51.100.1'), direct('127.0.0.1')];
const through = relayed('1');

describe('the paths of a connection', () => {
  const link = new RelayLink({ isClosed: false, routes: { first: { host: '203.0.113.9', port: 4433, link: undefined }, second: undefined } }, through, 'b'.repeat(64));
  const host: PathHost = {
    clock: new VirtualClock(),
    random: seededRandom(3),
    hopOf: (route) => (route.kind === 'relay' ? { host: '', port: 1, link } : { ...route.address, link: undefined }),
    routeOf: (address, port, from) => (from ? from.route : { kind: 'direct', address: { host: address, port } }),
    sendDatagram: () => undefined,
  };
  const made = (route: typeof near | typeof through): ConnectionPaths => new ConnectionPaths(route, host.hopOf(route)!, 'client', host);

  it('take packets of full size until one of them leads through a relay: then each must fit a relayed datagram', () => {
    expect(made(through).mayRelay).to.equal(true);
    const paths = made(near);
    paths.add(direct('198.51.100.2'));
    expect(paths.mayRelay).to.equal(false);
    paths.add(through);
    expect(paths.mayRelay).to.equal(true);
  });

  it('stay wide on loopback, where no relay is needed', () => {
    const paths = made(far);
    paths.add(through);
    expect(paths.mayRelay).to.equal(false);
  });

  it('believe a probe that came through a relay, and no packet or probe that the peer did not make', () => {
    const paths = made(near);
    const [key, other] = [randomBytes(32), randomBytes(32)];
    paths.setKey(() => key, randomBytes(8));
    paths.takeKey();
    const takes = (from: Buffer): void => {
      const packet = Buffer.from(encodeProbe({ type: 'request', connectionId: Buffer.alloc(8, 7), transaction: '00'.repeat(8), sequence: 1, observedAddress: undefined }, from, 'server'));
      paths.probeFrom(packet, probeOf(packet)!.probe, '203.0.113.9', 4433, link);
    };
    paths.packetFrom('203.0.113.9', 4433, link, 1200, 0);
    takes(other);
    expect(paths.mayRelay).to.equal(false);
    takes(key);
    expect(paths.mayRelay).to.equal(true);
  });
});
