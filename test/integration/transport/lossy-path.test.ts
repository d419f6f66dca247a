import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { seededRandom } from '../../../src/lib/base/random.js';
import { EndpointFixture, Recorder, echo, nextConnection, routeTo } from './endpoint-fixture.js';

interface Faults {
  readonly seed: number;
  readonly loss: number;
  readonly duplication: number;
  /** Share of datagrams that wait for the next one to pass. */
  readonly reordering: number;
}

/** A path between one client and one server that loses, repeats and swaps datagrams, the same ones for the same seed. */
class FaultyPath {
  readonly #near = createSocket('udp4');
  readonly #far = createSocket('udp4');
  port = 0;

  async start(serverPort: number, faults: Faults): Promise<void> {
    const random = seededRandom(faults.seed);
    let client = 0;
    const relay = (send: (packet: Buffer) => void): ((packet: Buffer) => void) => {
      let held: Buffer | undefined;
      return (packet) => {
        if (random.float() < faults.loss) return;
        const waits = random.float() < faults.reordering && !held;
        if (waits) {
          held = packet;
          return;
        }
        send(packet);
        if (random.float() < faults.duplication) send(packet);
        if (held) send(held);
        held = undefined;
      };
    };
    const toServer = relay((packet) => this.#far.send(packet, serverPort, '127.0.0.1'));
    const toClient = relay((packet) => this.#near.send(packet, client, '127.0.0.1'));
    this.#near.on('message', (packet, from) => {
      client = from.port;
      toServer(packet);
    });
    this.#far.on('message', toClient);
    await new Promise<void>((resolve) => this.#far.bind(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.#near.bind(0, '127.0.0.1', resolve));
    this.port = this.#near.address().port;
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

describe('a connection over a faulty path', () => {
  const fixture = new EndpointFixture();
  let path: FaultyPath;

  afterEach(async () => {
    await fixture.close();
    path.close();
  });

  const cases: Faults[] = [
    { seed: 1, loss: 0.08, duplication: 0, reordering: 0 },
    { seed: 2, loss: 0, duplication: 0.1, reordering: 0.25 },
    { seed: 3, loss: 0.05, duplication: 0.1, reordering: 0.1 },
  ];
  for (const faults of cases) {
    const { seed, loss, duplication, reordering } = faults;
    it(`delivers every byte once with ${loss * 100} % loss, ${duplication * 100} % duplicates and ${reordering * 100} % swapped`, async () => {
      const settings = { udpPayloadBytes: 1200 };
      const [dialler, listener] = [await fixture.start({ settings }), await fixture.start({ settings })];
      path = new FaultyPath();
      await path.start(routeTo(listener).address.port, faults);
      const accepted = nextConnection(listener, (connection) => connection.onStream(echo));
      const client = await dialler.dial({ kind: 'direct', address: { host: '127.0.0.1', port: path.port } });
      (await accepted).admit();
      client.admit();
      const body = Buffer.from(seededRandom(seed).bytes(300_000));
      const recorder = new Recorder();
      const stream = client.openStream(recorder);
      stream.write(body);
      stream.end();
      const received = await recorder.ended;
      expect(createHash('sha256').update(received).digest('hex'), `seed ${seed}`).to.equal(createHash('sha256').update(body).digest('hex'));
    });
  }

  it('comes about at 30 % loss', async () => {
    const [dialler, listener] = [await fixture.start(), await fixture.start()];
    path = new FaultyPath();
    await path.start(routeTo(listener).address.port, { seed: 4, loss: 0.3, duplication: 0, reordering: 0 });
    const accepted = nextConnection(listener);
    await dialler.dial({ kind: 'direct', address: { host: '127.0.0.1', port: path.port } });
    await accepted;
    expect(listener.stats().handshakesCompleted).to.equal(1);
  });
});
