import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Connection, Route } from '../../../src/lib/transport/endpoint.js';
import { EndpointFixture, Recorder, echo, nextConnection, routeTo } from './endpoint-fixture.js';
import { bound, PortNat } from './port-nat.js';
import { nextHop } from '../../../src/lib/transport/route.js';

describe('a connection whose peer moves', () => {
  const fixture = new EndpointFixture();
  let nat: PortNat | undefined;

  afterEach(async () => {
    await fixture.close();
    nat?.close();
  });

  async function behindNat(withKey: boolean): Promise<{ client: Connection; server: Connection; nat: PortNat }> {
    const [dialler, listener] = [await fixture.start({ settings: { udpPayloadBytes: 1200 } }), await fixture.start({ settings: { udpPayloadBytes: 1200 } })];
    const between = (nat = new PortNat(routeTo(listener).address.port));
    await between.start();
    const accepted = nextConnection(listener, (connection) => connection.onStream(echo));
    const client = await dialler.dial({ kind: 'direct', address: { host: '127.0.0.1', port: between.insidePort } });
    const server = await accepted;
    const key = randomBytes(32);
    for (const connection of [client, server]) {
      connection.admit();
      if (withKey) connection.setPathKey(() => key);
    }
    return { client, server, nat: between };
  }

  it('goes on with nothing lost while its NAT gives it another port, again and again', async () => {
    const { client, server, nat } = await behindNat(true);
    const routes: Route[] = [];
    server.onRouteChange((route) => routes.push(route));
    const hash = createHash('sha256');
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    const ports: number[] = [nat.outsidePort];
    for (let round = 0; round < 5; round += 1) {
      for (let count = 0; count < 10; count += 1) {
        const piece = randomBytes(20_000);
        hash.update(piece);
        stream.write(piece);
      }
      await recorder.until(() => recorder.bytes.length === 200_000 * (round + 1));
      await nat.rebind();
      ports.push(nat.outsidePort);
      stream.write(Buffer.alloc(0));
    }
    stream.write(Buffer.from('end'));
    hash.update('end');
    stream.end();
    const all = await recorder.ended;
    expect(createHash('sha256').update(all).digest('hex')).to.equal(hash.digest('hex'));
    expect(server.isClosed).to.equal(false);
    expect(nextHop(server.route).port).to.equal(nat.outsidePort);
    expect(routes.map((route) => nextHop(route).port)).to.include.members(ports.slice(1));
  });

  it('is not followed to where copies of its packets come from', async () => {
    const { client, server, nat } = await behindNat(true);
    const before = server.route;
    const copier = (nat.copier = createSocket('udp4'));
    const copierPort = await bound(copier);
    const kinds = new Set<number>();
    copier.on('message', (packet) => kinds.add(packet[0]!));
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    for (let count = 1; count <= 50; count += 1) {
      stream.write(Buffer.from('x'));
      await recorder.until(() => recorder.bytes.length === count);
    }
    expect(server.route).to.deep.equal(before);
    expect(server.paths().find((path) => nextHop(path.route).port === copierPort)).to.include({ state: 'candidate', selected: false });
    // It was sent probes and nothing else.
    expect([...kinds].every((kind) => kind === 4)).to.equal(true);
    nat.copier = undefined;
    copier.close();
  });

  it('keeps its route while no path key is agreed', async () => {
    const { client, server, nat } = await behindNat(false);
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(Buffer.from('x'));
    await recorder.until(() => recorder.bytes.length === 1);
    const before = server.route;
    const copier = (nat.copier = createSocket('udp4'));
    stream.write(Buffer.from('y'));
    await recorder.until(() => recorder.bytes.length === 2);
    nat.copier = undefined;
    copier.close();
    expect(server.route).to.deep.equal(before);
  });
});
