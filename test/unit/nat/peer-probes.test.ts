import { expect } from 'chai';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { PeerProbes, type PeerProbesComponents } from '../../../src/lib/nat/peer-probes.js';
import { StunResponder } from '../../../src/lib/nat/stun-responder.js';
import { bindingMethod, encodeStun } from '../../../src/lib/nat/stun-message.js';
import type { Session } from '../../../src/lib/session/session.js';
import { encodeFrame } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { natProbeBody, natProbeViaBody, readNatProbeReply, type NatProbe, type NatProbeReply } from '../../../src/lib/wire/nat-messages.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const transactionId = '0102030405060708090a0b0c';
const asking = { host: '198.51.100.7', port: 40_000 };
const other = { host: '203.0.113.5', port: 4433 };

/** A session as far as probes look at it; `asked` gets what is requested over it. */
function sessionAt(nodeId: string, address: SocketAddress | undefined, asked: unknown[] = []): Session {
  const route = address ? { kind: 'direct', address } : { kind: 'relay', relay: 'r', via: other, sessionId: '0'.repeat(16) };
  const request = async (_type: number, body: unknown): Promise<unknown> => {
    asked.push(body);
    return [true, 0];
  };
  return { nodeId, connection: { route }, request } as unknown as Session;
}

describe('probes for other nodes', () => {
  type Handler = (body: unknown, context: { session: Session }) => unknown;
  let clock: VirtualClock;
  let handlers: Map<number, Handler>;
  let sessions: Session[];
  /** Sent from the node's own socket and from the other one. */
  let sent: { from: 'own' | 'other'; bytes: number; to: SocketAddress }[];
  let probes: PeerProbes;

  beforeEach(() => {
    clock = new VirtualClock();
    handlers = new Map();
    sessions = [];
    sent = [];
    const components = {
      sessions: { handle: (type: number, _reply: number, handler: Handler) => void handlers.set(type, handler), list: () => sessions },
      stun: { onMessage: () => undefined, send: (bytes: Uint8Array, to: SocketAddress) => !!sent.push({ from: 'own', bytes: bytes.length, to }) },
      responder: new StunResponder({ clock }, { stunRatePerPrefix: 20, stunRate: 20 }),
      openSocket: async () => ({
        addresses: [{ host: '0.0.0.0', port: 50_000 }],
        native: (host: string) => (host.includes(':') ? undefined : host),
        canonical: (host: string) => host,
        send: (_bytes: Buffer, length: number, host: string, port: number) => !!sent.push({ from: 'other', bytes: length, to: { host, port } }),
        onMessage: () => undefined,
        onError: () => undefined,
        close: async () => undefined,
      }),
      clock,
      random: seededRandom(1),
    } as unknown as PeerProbesComponents;
    probes = new PeerProbes(components, '');
    probes.start();
  });

  afterEach(() => probes.stop());

  const ask = async (probe: NatProbe, session = sessionAt('asking', asking)): Promise<NatProbeReply> => readNatProbeReply(await handlers.get(FrameType.natProbe)!(natProbeBody(probe), { session }));
  const askVia = async (target: SocketAddress, session = sessionAt('between', other)): Promise<NatProbeReply> =>
    readNatProbeReply(await handlers.get(FrameType.natProbeVia)!(natProbeViaBody({ transactionId, target }), { session }));

  it('go out from another port, to the node that asked', async () => {
    expect(await ask({ sender: 'port', transactionId, target: asking })).to.deep.equal({ sent: true, otherPort: 50_000 });
    expect(sent).to.deep.equal([{ from: 'other', bytes: 32, to: asking }]);
  });

  it('only tell the other port where nothing is to be sent', async () => {
    expect(await ask({ sender: 'none', transactionId, target: other })).to.deep.equal({ sent: false, otherPort: 50_000 });
    expect(sent).to.deep.equal([]);
  });

  it('go to no host but that of the node that asks, and nowhere for one behind a relay', async () => {
    for (const sender of ['port', 'node'] as const) {
      expect(await ask({ sender, transactionId, target: other })).to.include({ sent: false });
      expect(await ask({ sender, transactionId, target: asking }, sessionAt('asking', undefined))).to.include({ sent: false });
    }
    expect([sent, probes.stats()]).to.deep.equal([[], { sent: 0, refused: 4 }]);
  });

  it('are passed to a third node elsewhere, never back to who asks nor to one at its address', async () => {
    const asked: unknown[][] = [[], [], [], []];
    sessions = [sessionAt('asking', asking, asked[0]), sessionAt('same host', { ...asking, port: 1 }, asked[1]), sessionAt('private', { host: '10.0.0.1', port: 1 }, asked[2]), sessionAt('third', other, asked[3])];
    expect(await ask({ sender: 'node', transactionId, target: asking })).to.include({ sent: true });
    expect(asked.map(({ length }) => length)).to.deep.equal([0, 0, 0, 1]);
  });

  it('of a third node go out from its own port, and not to the inside on behalf of somebody outside', async () => {
    expect(await askVia(asking)).to.include({ sent: true });
    expect(await askVia({ host: '192.168.0.1', port: 53 })).to.include({ sent: false });
    expect(await askVia({ host: '127.0.0.1', port: 53 })).to.include({ sent: false });
    expect(sent).to.deep.equal([{ from: 'own', bytes: 32, to: asking }]);
  });

  it('are limited for each peer', async () => {
    const outcomes = await Promise.all(Array.from({ length: 25 }, () => ask({ sender: 'port', transactionId, target: asking }).then(() => 'sent', (error: unknown) => MaculaError.from(error).code)));
    expect(outcomes.filter((outcome) => outcome === 'sent')).to.have.length(20);
    expect(outcomes.filter((outcome) => outcome === 'MACULA_OVERLOADED')).to.have.length(5);
    expect(await ask({ sender: 'port', transactionId, target: asking }, sessionAt('another', asking))).to.include({ sent: true });
    clock.advance(1000);
    expect(await ask({ sender: 'port', transactionId, target: asking })).to.include({ sent: true });
  });

  it('are at most half as long again as what asks for them, on the wire', () => {
    // QUIC's short header, packet number, tag and STREAM frame, about a request that travels alone in its packet.
    const quicBytes = 1 + 8 + 2 + 16 + 4;
    for (const [target, headers] of [[asking, 28], [{ host: '2001:db8::7', port: 1 }, 48]] as const) {
      const answer = encodeStun({ class: 'success', method: bindingMethod, transactionId, xorMappedAddress: target }).length + headers;
      const bodies = [...(['port', 'node'] as const).map((sender) => [FrameType.natProbe, natProbeBody({ sender, transactionId, target })] as const), [FrameType.natProbeVia, natProbeViaBody({ transactionId, target })] as const];
      for (const [type, body] of bodies) expect(answer / (encodeFrame(type, 0, [1, body]).length + quicBytes + headers)).to.be.below(1.5);
    }
  });
});
