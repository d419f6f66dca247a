import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { EndpointFixture, Recorder, counted, echo, newIdentity, nextConnection, routeTo } from './endpoint-fixture.js';
import { nextHop } from '../../../src/lib/transport/route.js';
import { openUdpSocket, type UdpSocket, type UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';

async function rejection(promise: Promise<unknown>): Promise<MaculaError> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(MaculaError);
    return error as MaculaError;
  }
  throw new Error('it did not reject');
}

describe('connections of an endpoint', () => {
  const fixture = new EndpointFixture();
  afterEach(() => fixture.close());

  it('connect two nodes that see each other by their ids', async () => {
    const [left, right] = [await newIdentity(), await newIdentity()];
    const { client, server } = await fixture.pair({ identity: left }, { identity: right });
    expect(client.peer.nodeId).to.equal(right.nodeId);
    expect(server.peer.nodeId).to.equal(left.nodeId);
    expect([client.role, server.role]).to.deep.equal(['client', 'server']);
  });

  it('carry an echo on a stream', async () => {
    const { client } = await fixture.pair({}, {}, (connection) => connection.onStream(echo));
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(Buffer.from('hello'));
    stream.end();
    expect((await recorder.ended).toString()).to.equal('hello');
    await recorder.closed;
    expect(recorder.events).to.deep.equal(['end', 'close']);
  });

  it('tell both sides the code and reason one of them closed with', async () => {
    const { client, server } = await fixture.pair();
    server.close(CloseCode.realmMismatch, 'another realm');
    expect(await client.closed).to.deep.equal({ by: 'remote', code: CloseCode.realmMismatch, reason: 'another realm' });
    expect(await server.closed).to.deep.equal({ by: 'local', code: CloseCode.realmMismatch, reason: 'another realm' });
    expect(client.isClosed).to.equal(true);
  });

  it('cut a reason that is too long for a packet', async () => {
    const { client, server } = await fixture.pair();
    server.close(CloseCode.normal, 'é'.repeat(2000));
    expect(await client.closed).to.deep.equal({ by: 'remote', code: CloseCode.normal, reason: 'é'.repeat(256) });
  });

  it('deliver what was written right before they were closed', async () => {
    const recorder = new Recorder();
    const { client, server } = await fixture.pair({}, {}, (connection) => connection.onStream(() => recorder));
    const stream = client.openStream(new Recorder());
    // Only once the peer has said that its handshake is complete may the client's packets carry nothing else.
    const confirmed = new Promise((resolve) => client.onStream(() => Object.assign(new Recorder(), { onData: resolve })));
    server.openStream(new Recorder()).write(Buffer.from('welcome'));
    await confirmed;
    stream.write(Buffer.from('last words'));
    client.close(CloseCode.normal, 'bye');
    await server.closed;
    expect(recorder.bytes.toString()).to.equal('last words');
  });

  it('say how large their packets are', async () => {
    const large = await fixture.pair();
    // One less than is asked for on loopback: what QUIC's two-byte integers hold.
    expect([large.client.payloadBytes, large.server.payloadBytes]).to.deep.equal([16_383, 16_383]);
    const small = await fixture.pair({ settings: { udpPayloadBytes: 1350 } });
    expect([small.client.payloadBytes, small.server.payloadBytes]).to.deep.equal([1350, 16_383]);
  });

  it('refuse a node with another id than the one dialled', async () => {
    const [dialler, listener] = [await fixture.start(), await fixture.start()];
    const other = await newIdentity();
    const error = await rejection(dialler.dial(routeTo(listener), { expectedId: other.nodeId }));
    expect(error.code).to.equal('MACULA_ID_MISMATCH');
    expect(listener.stats().handshakesCompleted).to.equal(0);
  });

  it('notice that a node dials itself', async () => {
    const endpoint = await fixture.start();
    expect((await rejection(endpoint.dial(routeTo(endpoint)))).code).to.equal('MACULA_SELF_DIAL');
  });

  it('report a port where nobody answers as unreachable', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const dialler = await fixture.start({ settings: { handshakeTimeoutMs: 300 } });
    const error = await rejection(dialler.dial({ kind: 'direct', address: { host: '127.0.0.1', port: silent.address().port } }));
    silent.close();
    expect(error.code).to.equal('MACULA_UNREACHABLE');
  });

  it('reject a dial with the certificate error when the other certificate is refused', async () => {
    const listener = await fixture.start();
    const dialler = await fixture.start({
      verifyPeer: () => {
        throw new MaculaError('MACULA_CERTIFICATE_EXPIRED', 'too old');
      },
    });
    expect((await rejection(dialler.dial(routeTo(listener)))).code).to.equal('MACULA_CERTIFICATE_EXPIRED');
  });

  it('tell the dialling side why its own certificate was refused', async () => {
    const listener = await fixture.start({
      verifyPeer: () => {
        throw new MaculaError('MACULA_CERTIFICATE_INVALID', 'not to my taste');
      },
    });
    const dialler = await fixture.start();
    const connection = await dialler.dial(routeTo(listener));
    expect(await connection.closed).to.deep.equal({ by: 'remote', code: CloseCode.certificateRefused, reason: 'not to my taste' });
    expect(counted(listener.stats().handshakesFailed)).to.deep.equal({ MACULA_CERTIFICATE_INVALID: 1 });
  });

  it('end when the peer is not heard of for the idle time', async () => {
    const { client, server } = await fixture.pair({ settings: { idleTimeoutMs: 2000 } });
    client.admit();
    server.admit();
    expect((await client.closed).by).to.equal('timeout');
    expect((await server.closed).by).to.equal('timeout');
  });

  it('end when the peer is not admitted in time', async () => {
    const { client, server } = await fixture.pair({}, { settings: { handshakeTimeoutMs: 2000 } });
    expect((await server.closed).code).to.equal(CloseCode.admissionTimeout);
    expect((await client.closed).code).to.equal(CloseCode.admissionTimeout);
  });

  it('send small datagrams until they are admitted, on a path that carries large ones, too', async () => {
    const lengths: number[] = [];
    const openSocket: UdpSocketFactory = async (binding) => {
      const socket = await openUdpSocket(binding);
      const send = socket.send.bind(socket);
      return Object.assign(socket, { send: (...args: Parameters<UdpSocket['send']>) => (lengths.push(args[1]), send(...args)) });
    };
    const { client, server } = await fixture.pair({ openSocket }, { openSocket }, (connection) => connection.onStream(echo));
    const [before, after] = [new Recorder(), new Recorder()];
    client.openStream(before).write(Buffer.from('HELLO'));
    await before.until(() => before.bytes.length > 0);
    expect(Math.max(...lengths)).to.equal(1200);
    client.admit();
    server.admit();
    client.openStream(after).write(Buffer.alloc(100_000));
    await after.until(() => after.bytes.length === 100_000);
    expect(Math.max(...lengths)).to.be.greaterThan(4000);
  });

  it('end when a stranger sends more than its budget', async () => {
    const { client, server } = await fixture.pair({}, { settings: { strangerBudgetBytes: 16_384 } });
    client.openStream(new Recorder()).write(Buffer.alloc(100_000));
    expect(await client.closed).to.include({ by: 'remote', code: CloseCode.budgetExceeded });
    expect((await server.closed).by).to.equal('local');
  });

  it('are all closed when the endpoint stops', async () => {
    const { listener, client } = await fixture.pair();
    await listener.stop();
    expect(await client.closed).to.include({ by: 'remote', code: CloseCode.shuttingDown });
  });

  it('come about with a retry token as well', async () => {
    const { listener } = await fixture.pair({}, { settings: { retrySampleRatio: 1 } });
    expect(listener.stats().retriesSent).to.equal(1);
    expect(listener.stats().handshakesCompleted).to.equal(1);
  });

  it('can be given up while they are being made', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const dialler = await fixture.start();
    const controller = new AbortController();
    const dial = dialler.dial({ kind: 'direct', address: { host: '127.0.0.1', port: silent.address().port } }, { signal: controller.signal });
    controller.abort();
    expect((await rejection(dial)).code).to.equal('MACULA_ABORTED');
    silent.close();
  });

  it('work over IPv6, and from a dual-stack socket to both families', async () => {
    const [both, six, four] = [await fixture.start({ settings: { host: '' } }), await fixture.start({ settings: { host: '::1' } }), await fixture.start()];
    for (const listener of [six, four]) {
      const accepted = nextConnection(listener);
      const connection = await both.dial(routeTo(listener));
      expect(nextHop((await accepted).route).port).to.equal(both.localAddresses[0]!.port);
      expect(connection.route).to.deep.equal(routeTo(listener));
    }
    const accepted = nextConnection(both);
    await four.dial({ kind: 'direct', address: { host: '127.0.0.1', port: both.localAddresses[0]!.port } });
    expect(nextHop((await accepted).route)).to.deep.equal(four.localAddresses[0]);
  });

  it('come about again after the endpoint was stopped and started', async () => {
    const { dialler, listener, client } = await fixture.pair();
    await listener.stop();
    await client.closed;
    await listener.start();
    const accepted = nextConnection(listener);
    const again = await dialler.dial(routeTo(listener));
    await accepted;
    expect(again.peer.nodeId).to.equal(client.peer.nodeId);
    expect(listener.stats()).to.include({ connections: 1, halfOpen: 0 });
  });

  it('fail at once when the system has no route', async () => {
    const endpoint = await fixture.start({ settings: { host: '127.0.0.1' } });
    const error = await rejection(endpoint.dial({ kind: 'direct', address: { host: '203.0.113.1', port: 4433 } }));
    expect(error.code).to.equal('MACULA_UNREACHABLE');
    expect((await rejection(endpoint.dial({ kind: 'direct', address: { host: '::1', port: 4433 } }))).code).to.equal('MACULA_UNREACHABLE');
  });

  it('cost a handler that throws its connection, and no other', async () => {
    const { dialler, listener, client } = await fixture.pair({}, {}, (connection) =>
      connection.onStream(() => {
        throw new Error('a bug');
      }),
    );
    const accepted = nextConnection(listener);
    const other = await dialler.dial(routeTo(listener));
    await accepted;
    client.openStream(new Recorder()).write(Buffer.from('x'));
    expect(await client.closed).to.deep.equal({ by: 'remote', code: CloseCode.normal, reason: 'internal error' });
    expect(other.isClosed).to.equal(false);
  });

  it('need a port that is free', async () => {
    const first = await fixture.start();
    const error = await rejection(fixture.start({ settings: { quicPort: first.localAddresses[0]!.port } }));
    expect(error.code).to.equal('MACULA_PORT_IN_USE');
  });
});
