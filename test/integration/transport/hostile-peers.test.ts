import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { systemClock, type Clock } from '../../../src/lib/base/clock.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import type { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import { EndpointFixture, Recorder, counted, echo, newIdentity, nextConnection, routeTo } from './endpoint-fixture.js';
import { RawClient, type RawClientOptions } from './raw-client.js';

/** RFC 9001: 0x100 plus the TLS alerts certificate_required and no_application_protocol. */
const certificateRequired = 0x174;

describe('an endpoint among hostile peers', () => {
  const fixture = new EndpointFixture();
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await fixture.close();
  });

  function rawClient(endpoint: QuicheEndpoint, options: RawClientOptions = {}): RawClient {
    const client = new RawClient(endpoint.localAddresses[0]!.port, options);
    clients.push(client);
    return client;
  }

  /** Looks once per turn of the event loop; the test's own time limit ends it. */
  async function eventually(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when an ordinary node connects and gets an echo: the endpoint serves. */
  async function serves(endpoint: QuicheEndpoint): Promise<void> {
    endpoint.onConnection((connection) => connection.onStream(echo));
    const honest = await fixture.start();
    const connection = await honest.dial(routeTo(endpoint));
    const recorder = new Recorder();
    const stream = connection.openStream(recorder);
    stream.write(Buffer.from('serving'));
    stream.end();
    expect((await recorder.ended).toString()).to.equal('serving');
  }

  it('refuses a client without a certificate', async () => {
    const endpoint = await fixture.start();
    const client = rawClient(endpoint);
    await client.until(() => client.native.peerError() !== null);
    expect(client.native.peerError()!.errorCode).to.equal(certificateRequired);
    expect(endpoint.stats()).to.include({ handshakesCompleted: 0, halfOpen: 0 });
    expect(counted(endpoint.stats().handshakesFailed)).to.deep.equal({ certificate_required: 1 });
  });

  it('refuses a client that speaks another protocol', async () => {
    const endpoint = await fixture.start();
    const client = rawClient(endpoint, { identity: await newIdentity(), protocol: 'h3' });
    await client.until(() => client.native.peerError() !== null);
    const { handshakesCompleted, handshakesFailed } = endpoint.stats();
    expect(handshakesCompleted).to.equal(0);
    expect(counted(handshakesFailed)).to.deep.equal({ no_common_application_protocol: 1 });
  });

  it('refuses a resumed session, whoever holds it', async () => {
    const endpoint = await fixture.start();
    const victim = rawClient(endpoint, { identity: await newIdentity(), earlyData: true });
    await victim.until(() => victim.native.isEstablished() && victim.native.session() !== null);
    expect(endpoint.stats().handshakesCompleted).to.equal(1);
    const accepted: string[] = [];
    endpoint.onConnection((connection) => accepted.push(connection.peer.nodeId));
    for (const earlyData of [false, true]) {
      const thief = rawClient(endpoint, { session: victim.native.session()!, earlyData });
      thief.native.streamSend(0, Buffer.from('let me in'), true);
      await thief.until(() => thief.native.peerError() !== null);
      expect(thief.native.peerError()).to.include({ isApp: true, errorCode: CloseCode.resumedSession });
      expect(thief.native.isInEarlyData()).to.equal(false);
    }
    expect(accepted).to.deep.equal([]);
    expect(endpoint.stats().handshakesCompleted).to.equal(1);
  });

  it('opens few handshakes for a host that finishes none, demands proof from then on, and frees them in time', async () => {
    // A clock that can be put forward, so that handshakes do not end before the test has looked: its timers are short, and find that nothing is due.
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs, setTimer: (delayMs, callback) => systemClock.setTimer(Math.min(delayMs, 20), callback) };
    const endpoint = await fixture.start({ clock, settings: { maxHalfOpenPerHost: 4, handshakeTimeoutMs: 60_000 } });
    for (let count = 0; count < 12; count += 1) rawClient(endpoint, { mute: true }).flush();
    await eventually(() => endpoint.stats().datagramsReceived >= 12);
    expect(endpoint.stats()).to.include({ halfOpen: 4, retriesSent: 8 });
    await serves(endpoint);
    aheadMs = 60_000;
    await eventually(() => endpoint.stats().halfOpen === 0);
    expect(counted(endpoint.stats().handshakesFailed)).to.deep.equal({ timeout: 4 });
  });

  it('keeps the number of half-open handshakes bounded under a flood of Initials', async () => {
    const endpoint = await fixture.start({ settings: { maxHalfOpen: 16, retryAboveHalfOpen: 8, handshakeTimeoutMs: 500 } });
    const template = rawClient(endpoint);
    const socket = createSocket('udp4');
    const random = seededRandom(11);
    template.flush();
    const initial = template.sent[0]!;
    for (let count = 0; count < 200; count += 1) {
      const copy = Buffer.from(initial);
      // Another destination id each: another connection, with a packet that does not decrypt.
      copy.set(random.bytes(8), 6);
      socket.send(copy, endpoint.localAddresses[0]!.port, '127.0.0.1');
    }
    await eventually(() => endpoint.stats().datagramsReceived >= 200);
    expect(endpoint.stats().halfOpen).to.be.at.most(16);
    socket.close();
    await serves(endpoint);
  });

  it('answers an unknown version with a list of versions, but never a short datagram', async () => {
    const endpoint = await fixture.start();
    const socket = createSocket('udp4');
    const answers: Buffer[] = [];
    const answered = new Promise<void>((resolve) => socket.on('message', (packet) => (answers.push(packet), resolve())));
    const long = Buffer.alloc(1200);
    long.set([0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
    socket.send(long.subarray(0, 1199), endpoint.localAddresses[0]!.port, '127.0.0.1');
    socket.send(long, endpoint.localAddresses[0]!.port, '127.0.0.1');
    await answered;
    socket.close();
    expect(answers).to.have.length(1);
    expect(answers[0]!.readUInt32BE(1)).to.equal(0);
    expect(counted(endpoint.stats().dropped)).to.deep.equal({ 'short-initial': 1 });
  });

  it('closes a connection that sends little but overhead', async () => {
    const endpoint = await fixture.start({ settings: { overheadBaseBytes: 2000, connectionWindowBytes: 65_536, streamWindowBytes: 65_536 } });
    const accepted = nextConnection(endpoint, (connection) => connection.admit());
    const client = rawClient(endpoint, { identity: await newIdentity() });
    await client.until(() => client.native.isEstablished());
    const connection = await accepted;
    while (!connection.isClosed) {
      for (let count = 0; count < 200; count += 1) {
        client.native.sendAckEliciting();
        client.flush();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await connection.closed).to.include({ by: 'local', code: CloseCode.budgetExceeded });
    await serves(endpoint);
  });

  it('survives thousands of mutated datagrams and goes on serving', async () => {
    const seed = 20_260_101;
    const random = seededRandom(seed);
    const endpoint = await fixture.start({ settings: { maxHalfOpenPerHost: 100_000, retrySampleRatio: 0.3, handshakeTimeoutMs: 1000 } });
    const accepted = nextConnection(endpoint);
    const client = rawClient(endpoint, { identity: await newIdentity() });
    await client.until(() => client.native.isEstablished());
    client.native.streamSend(0, Buffer.alloc(3000, 7), false);
    client.flush();
    await accepted;
    const samples = [...client.sent];
    const failures: Error[] = [];
    endpoint.onFailure((error) => failures.push(error));
    const mutant = (): Buffer => {
      const packet = Buffer.from(samples[random.integer(samples.length)]!);
      for (let flips = random.integer(6); flips >= 0; flips -= 1) {
        // Headers more than bodies.
        const index = random.integer(random.float() < 0.5 ? Math.min(30, packet.length) : packet.length);
        packet[index] = random.integer(256);
      }
      return random.float() < 0.2 ? packet.subarray(0, random.integer(packet.length)) : packet;
    };
    const before = endpoint.stats().datagramsReceived;
    for (let round = 0; round < 100; round += 1) {
      for (let count = 0; count < 60; count += 1) client.sendRaw(mutant());
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(endpoint.stats().datagramsReceived, `seed ${seed}`).to.be.greaterThan(before + 1000);
    expect(Object.values(endpoint.stats().dropped).reduce((sum, count) => sum + count, 0)).to.be.greaterThan(100);
    expect(failures).to.deep.equal([]);
    await serves(endpoint);
  });
});
