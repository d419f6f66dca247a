import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { IgdMapping } from '../../../src/lib/nat/igd-mapping.js';
import { PcpMapping } from '../../../src/lib/nat/pcp-mapping.js';
import { PortMapper } from '../../../src/lib/nat/port-mapper.js';
import type { DatagramListener, UdpSocket, UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const gateway = '127.0.0.1';
const nonce = Buffer.alloc(12, 7);
const wish = { internal: { host: '10.0.0.2', port: 4433 }, externalPort: 4433, gateway };

/** Sockets on which `answer` says what comes back for each datagram sent. */
function socketsThat(answer: (sent: Buffer, port: number) => readonly { bytes: Buffer; from?: string }[]): UdpSocketFactory {
  return async ({ host, port }) => {
    let listener: DatagramListener = () => undefined;
    const socket: UdpSocket = {
      addresses: [{ host, port }],
      native: (name) => name,
      canonical: (name) => name,
      send: (buffer, length, _host, to) => {
        for (const { bytes, from = gateway } of answer(Buffer.from(buffer.subarray(0, length)), to)) setImmediate(() => listener(bytes, from, to));
        return true;
      },
      onMessage: (heard) => void (listener = heard),
      onError: () => undefined,
      close: async () => undefined,
    };
    return socket;
  };
}

const found = (location: string): Buffer => Buffer.from(`HTTP/1.1 200 OK\r\nLOCATION: ${location}\r\n\r\n`);
const serviceType = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const description = `<root><service><serviceType>${serviceType}</serviceType><controlURL>/ctl</controlURL></service></root>`;
const fault = (code: number): string => `<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`;

describe('asking a gateway to map the port', () => {
  let server: Server;
  /** Bodies posted, and what the gateway does with a request. */
  let posted: string[];
  let handle: (body: string, response: ServerResponse) => void;

  beforeEach(async () => {
    posted = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (request.method === 'GET') return void response.end(description);
        posted.push(body);
        if (body.includes('GetExternalIPAddress')) response.end('<NewExternalIPAddress>45.45.45.45</NewExternalIPAddress>');
        else handle(body, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  });

  afterEach(() => new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  }));

  function igd(location = `http://${gateway}:${(server.address() as AddressInfo).port}/root.xml`): IgdMapping {
    return new IgdMapping({ openSocket: socketsThat((_sent, port) => (port === 1900 ? [{ bytes: found(location) }] : [])), clock: systemClock, random: seededRandom(1) });
  }

  const { signal } = new AbortController();
  const portOf = (body: string): number => Number(/<NewExternalPort>(\d+)</.exec(body)?.[1]);

  it('by UPnP maps it, and takes the mapping back', async () => {
    handle = (_body, response) => void response.end('<ok/>');
    const granted = await igd().map(wish, signal);
    expect(granted).to.include({ protocol: 'upnp' });
    expect(granted!.external).to.deep.equal({ host: '45.45.45.45', port: 4433 });
    await granted!.release(signal);
    expect(posted.map((body) => /<u:(\w+)/.exec(body)?.[1])).to.deep.equal(['GetExternalIPAddress', 'AddPortMapping', 'DeletePortMapping']);
  });

  it('by UPnP takes another outer port where the own one belongs to somebody else', async () => {
    handle = (body, response) => void (portOf(body) === 4433 ? response.writeHead(500).end(fault(718)) : response.end('<ok/>'));
    const granted = await igd().map(wish, signal);
    expect(granted!.external.port).to.equal(portOf(posted.at(-1)!)).and.to.be.within(20_000, 59_999);
  });

  it('by UPnP takes a mapping without an end where the gateway makes no others', async () => {
    handle = (body, response) => void (body.includes('<NewLeaseDuration>0<') ? response.end('<ok/>') : response.writeHead(500).end(fault(725)));
    expect((await igd().map(wish, signal))!.external.port).to.equal(4433);
  });

  const broken: Record<string, (body: string, response: ServerResponse) => void> = {
    'that refuses': (_body, response) => void response.writeHead(500).end(fault(501)),
    'that answers without an end': (_body, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    },
    'that hangs up': (_body, response) => void response.destroy(),
    'that answers no HTTP': (_body, response) => void response.socket!.end('\0\0nonsense\r\n\r\n'),
  };
  for (const [what, act] of Object.entries(broken)) {
    it(`by UPnP comes to nothing with a gateway ${what}`, async () => {
      handle = act;
      expect(await igd().map(wish, signal)).to.equal(undefined);
    });
  }

  it('by UPnP does not wait for a gateway that never answers longer than it is told to', async () => {
    const controller = new AbortController();
    handle = () => controller.abort();
    expect(await igd().map(wish, controller.signal)).to.equal(undefined);
  });

  it('by PCP and NAT-PMP comes to nothing with a gateway that answers garbage, its own questions, or for somebody else', async () => {
    const clock = new VirtualClock();
    const random = seededRandom(5);
    const openSocket = socketsThat((sent) => [
      { bytes: Buffer.alloc(0) }, { bytes: Buffer.of(0) }, { bytes: sent }, { bytes: Buffer.from(random.bytes(60)) }, { bytes: Buffer.alloc(1400, 0x80) },
      // Right in every byte, but not from the gateway.
      { bytes: Buffer.from('0080000000000001' + '2d2d2d2d', 'hex'), from: '10.0.0.66' },
    ]);
    let outcome: unknown = 'none yet';
    void new PcpMapping({ openSocket, clock, random }, nonce).map(wish, signal).then((granted) => (outcome = granted));
    await clock.advanceUntil(() => outcome !== 'none yet', 4000);
    expect(outcome).to.equal(undefined);
    expect(clock.pendingTimers).to.equal(0);
  });
});

describe('keeping the port mapped', () => {
  function mapperOf(clock: VirtualClock, local: string, granted: { host: string; lifetimeMs: number } | undefined) {
    const asked: number[] = [];
    const released: number[] = [];
    const method = {
      map: async () => {
        asked.push(clock.nowMs());
        const { internal } = wish;
        return granted && { protocol: 'pcp' as const, internal, external: { host: granted.host, port: 4433 }, lifetimeMs: granted.lifetimeMs, release: async () => void released.push(clock.nowMs()) };
      },
    };
    const mapper = new PortMapper({ methods: [method], gateway: async () => undefined, sourceAddress: async () => undefined, local: () => [{ host: local, port: 4433 }], clock, logger: silentLogger });
    return { mapper, asked, released };
  }

  it('asks again at half of the lifetime, and takes the mapping back at the end', async () => {
    const clock = new VirtualClock();
    const { mapper, asked, released } = mapperOf(clock, '10.0.0.2', { host: '45.45.45.45', lifetimeMs: 120_000 });
    await mapper.start();
    expect(asked).to.deep.equal([]);
    await clock.advanceAsync(150_000);
    expect(asked).to.deep.equal([0, 60_000, 120_000]);
    expect(mapper.mapping?.external.host).to.equal('45.45.45.45');
    await mapper.stop();
    expect(released).to.have.length(1);
    expect([mapper.mapping, clock.pendingTimers]).to.deep.equal([undefined, 0]);
  });

  for (const local of ['127.0.0.1', '203.0.113.7', '169.254.3.4', 'fd00::1']) {
    it(`sends nothing where the node listens on ${local} alone`, async () => {
      const clock = new VirtualClock();
      const { mapper, asked } = mapperOf(clock, local, { host: '45.45.45.45', lifetimeMs: 120_000 });
      await mapper.start();
      await clock.advanceAsync(600_000);
      expect([asked, mapper.mapping]).to.deep.equal([[], undefined]);
      await mapper.stop();
    });
  }

  for (const host of ['10.0.0.1', '100.64.0.9', '127.0.0.1', '224.0.0.1', '0.0.0.0']) {
    it(`gives back a mapping to ${host}, which is no address of the Internet`, async () => {
      const clock = new VirtualClock();
      const { mapper, asked, released } = mapperOf(clock, '10.0.0.2', { host, lifetimeMs: 120_000 });
      await mapper.start();
      await clock.advanceAsync(30_000);
      expect([asked.length, released.length, mapper.mapping]).to.deep.equal([1, 1, undefined]);
      await mapper.stop();
    });
  }

  it('stops at once while a gateway keeps it waiting', async () => {
    const clock = new VirtualClock();
    const mapper = new PortMapper({
      methods: [{ map: (_wish, aborted) => new Promise((resolve) => aborted.addEventListener('abort', () => resolve(undefined))) }],
      gateway: async () => undefined, sourceAddress: async () => undefined, local: () => [{ host: '10.0.0.2', port: 4433 }], clock, logger: silentLogger,
    });
    await mapper.start();
    await clock.advanceAsync(1000);
    await mapper.stop();
    await settle();
    expect(clock.pendingTimers).to.equal(0);
  });
});
