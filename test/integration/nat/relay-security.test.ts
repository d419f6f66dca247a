import { createSocket } from 'node:dgram';
import { expect } from 'chai';
import { openUdpSocket, type UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';
import { relayedPacketKind } from '../../../src/lib/transport/datagram-kind.js';
import type { Session } from '../../../src/lib/session/session.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { until } from '../session/node-fixture.js';
import { routeTo } from '../transport/endpoint-fixture.js';
import { RelayMesh, type RelayNode } from './relay-mesh.js';

const never = new AbortController().signal;

/** What a relay does with a datagram it passes on: what it sends instead. */
type Meddling = (datagram: Buffer) => readonly Buffer[];

/** Sockets of a relay that keeps a copy of all it passes on, and meddles with it. */
class MeddlingSockets {
  readonly seen: Buffer[] = [];
  meddle: Meddling = (datagram) => [datagram];

  readonly open: UdpSocketFactory = async (binding) => {
    const socket = await openUdpSocket(binding);
    const send: typeof socket.send = (buffer, length, host, port, onError) => {
      if (buffer[0] !== relayedPacketKind) return socket.send(buffer, length, host, port, onError);
      const datagram = Buffer.from(buffer.subarray(0, length));
      this.seen.push(datagram);
      for (const bytes of this.meddle(datagram)) socket.send(Buffer.from(bytes), bytes.length, host, port, onError);
      return true;
    };
    return {
      addresses: socket.addresses,
      native: (host) => socket.native(host),
      canonical: (host) => socket.canonical(host),
      send,
      onMessage: (listener) => socket.onMessage(listener),
      onError: (listener) => socket.onError(listener),
      close: () => socket.close(),
    };
  };
}

describe('a relay that is not to be trusted', () => {
  let mesh: RelayMesh;
  let sockets: MeddlingSockets;
  let relay: RelayNode;
  let a: RelayNode;
  let b: RelayNode;
  let session: Session;

  beforeEach(async () => {
    mesh = new RelayMesh();
    sockets = new MeddlingSockets();
    relay = await mesh.node({ openSocket: sockets.open });
    b = await mesh.reserved([relay]);
    a = await mesh.node();
    session = await a.dialler.dial(b.nodeId, relay.hint, never);
  });

  afterEach(() => mesh.close());

  const calls = (count: number): Promise<unknown[]> => Promise.all(Array.from({ length: count }, (_, index) => session.request(FrameType.call, index)));
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  it('holds nothing that can be read of what it passes on', async () => {
    const secret = 'what only the two of them may know';
    expect(await session.request(FrameType.call, secret.repeat(50))).to.equal(secret.repeat(50));
    const seen = Buffer.concat(sockets.seen);
    expect(seen.length).to.be.above(2 * 50 * secret.length);
    for (const text of [secret, secret.slice(0, 8), a.nodeId.slice(0, 16), 'macula']) expect(seen.includes(text), text).to.equal(false);
  });

  const meddlings: Record<string, () => Meddling> = {
    'plays everything back, twice and later': () => {
      const earlier: Buffer[] = [];
      return (datagram) => {
        earlier.push(datagram);
        return [datagram, datagram, ...(earlier.length > 20 ? earlier.splice(0, 3) : [])];
      };
    },
    'changes copies of everything, in every place': () => {
      let place = 9;
      return (datagram) => {
        const changed = Buffer.from(datagram);
        changed[place++ % datagram.length]! ^= 0x41;
        // Its first bytes say what it is and whose: changed, it is another datagram, or none.
        return [changed, datagram.subarray(0, 9 + (place % 40)), datagram];
      };
    },
    'turns the order around': () => {
      let held: Buffer | undefined;
      return (datagram) => {
        const before = held;
        held = before ? undefined : datagram;
        return before ? [datagram, before] : [];
      };
    },
  };
  for (const [what, meddling] of Object.entries(meddlings)) {
    it(`does no harm when it ${what}: every call is answered once and right`, async () => {
      const served: unknown[] = [];
      b.sessions.handle(FrameType.findNode, FrameType.findNodeReply, (body) => (served.push(body), body));
      await calls(1);
      const theirs = b.sessions.get(a.nodeId);
      sockets.meddle = meddling();
      expect(await Promise.all(numbers(200).map((number) => session.request(FrameType.findNode, number)))).to.deep.equal(numbers(200));
      expect([...(served as number[])].sort((one, other) => one - other)).to.deep.equal(numbers(200));
      expect([session.isClosed, b.sessions.get(a.nodeId)]).to.deep.equal([false, theirs]);
    });
  }

  it('passes on not one byte for who was not admitted, nor for who is no end of the session', async () => {
    const { route } = session.connection;
    if (route.kind !== 'relay') throw new Error('the session is not relayed');
    const stranger = createSocket('udp4');
    const outsider = await mesh.node();
    await outsider.sessions.dial({ kind: 'direct', address: relay.hint.addresses[0]! }, { expectedId: relay.nodeId, signal: never });
    await calls(1);
    const passedOn = (): Buffer[] => sockets.seen.filter((datagram) => datagram.includes('forged'));
    const dropped = (): number => relay.endpoint.stats().dropped['relay-source'] ?? 0;
    const before = dropped();
    const forged = Buffer.concat([Buffer.of(relayedPacketKind), Buffer.from(route.sessionId, 'hex'), Buffer.from('forged'.repeat(20))]);
    const to = routeTo(relay.endpoint).address;
    for (let count = 0; count < 50; count++) {
      stranger.send(forged, to.port, to.host);
      expect(outsider.endpoint.stun.send(Buffer.from(forged), to)).to.equal(true);
    }
    await until(() => dropped() >= before + 100, 'the relay has seen all of them');
    stranger.close();
    expect(passedOn()).to.deep.equal([]);
    expect(await calls(20)).to.deep.equal(numbers(20));
  });
});
