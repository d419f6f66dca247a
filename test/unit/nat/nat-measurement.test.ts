import { expect } from 'chai';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { NatMeasurement } from '../../../src/lib/nat/nat-measurement.js';
import type { NatFinding } from '../../../src/lib/nat/nat-finding.js';
import { bindingMethod, decodeStun, encodeStun } from '../../../src/lib/nat/stun-message.js';
import { StunServerVantage } from '../../../src/lib/nat/vantage.js';
import type { DatagramListener, UdpSocket } from '../../../src/lib/transport/udp-socket.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const publicHost = '203.0.113.1';
const servers = [1, 2, 3, 4].map((n): SocketAddress => ({ host: `198.51.100.${n}`, port: 3478 }));

/** A NAT with a new port for each destination, with STUN servers outside; it turns what goes to its own address back in. */
class Nat {
  sockets = 0;
  readonly #mapped = new Map<number, DatagramListener | undefined>();

  constructor(private readonly nextPort: () => number) {}

  readonly open = async (): Promise<UdpSocket> => {
    this.sockets += 1;
    const addresses = [{ host: '10.0.0.2', port: 40_000 + this.sockets }];
    const ports = new Map<string, number>();
    let listener: DatagramListener | undefined;
    return {
      addresses,
      native: (host) => host,
      canonical: (host) => host,
      send: (buffer, length, host, port) => {
        const bytes = Buffer.from(buffer.subarray(0, length));
        if (host === publicHost) {
          setImmediate(() => this.#mapped.get(port)?.(bytes, publicHost, port));
          return true;
        }
        const mapped = ports.get(`${host}:${port}`) ?? this.nextPort();
        ports.set(`${host}:${port}`, mapped);
        this.#mapped.set(mapped, listener);
        const request = decodeStun(bytes)!;
        const answer = encodeStun({ class: 'success', method: bindingMethod, transactionId: request.transactionId, xorMappedAddress: { host: publicHost, port: mapped } });
        setImmediate(() => listener?.(Buffer.from(answer), host, port));
        return true;
      },
      onMessage: (take) => {
        listener = take;
      },
      onError: () => undefined,
      close: async () => undefined,
    };
  };
}

function measured(nat: Nat): Promise<NatFinding> {
  const components = { openSocket: nat.open, clock: new VirtualClock(), random: seededRandom(4), localHosts: () => ['10.0.0.2'], sourceAddress: async () => '10.0.0.2' };
  return new NatMeasurement(components, '', new AbortController().signal).run(servers.map((server) => new StunServerVantage(server)));
}

describe('a look at a NAT with a new port for each destination', () => {
  it('sees that ports follow each other although other hosts use up a hundred within each round trip', async () => {
    let port = 30_000;
    let turn = 0;
    const nat = new Nat(() => {
      // Once in a turn of the event loop, which is a round trip here.
      if (turn === 0) {
        port += 100;
        turn = 1;
        setImmediate(() => (turn = 0));
      }
      return (port += 1);
    });
    expect((await measured(nat)).allocation).to.deep.equal({ kind: 'sequential', delta: 1 });
  });

  it('looks again where the ports seem to be at random, and sees it where the others have come to rest', async () => {
    let port = 30_000;
    let given = 0;
    const nat = new Nat(() => (port += (given += 1) <= 12 ? 100 : 1));
    expect((await measured(nat)).allocation).to.deep.equal({ kind: 'sequential', delta: 1 });
  });

  it('takes ports at random for what they are, after three looks', async () => {
    const random = seededRandom(8);
    const nat = new Nat(() => 1024 + random.integer(64_000));
    expect(await measured(nat)).to.deep.include({ natType: 'symmetric', allocation: { kind: 'random' } });
    // One for the first question, two a look, and those that try what gets in.
    expect(nat.sockets).to.be.within(7, 11);
  });
});
