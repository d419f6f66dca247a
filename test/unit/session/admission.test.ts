import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { CloseCode, type Connection, type StreamHandler, type TransportStream } from '../../../src/lib/transport/endpoint.js';
import { encodeFrame, FrameFlag } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { connectBody, protocolVersion } from '../../../src/lib/wire/hello.js';
import { realmId } from '../../../src/lib/session/realm-proof.js';
import { SessionNetwork, type SessionNode } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';

const deaf: StreamHandler = { onData: () => undefined, onEnd: () => undefined, onReset: () => undefined, onStopped: () => undefined, onDrain: () => undefined, onClose: () => undefined };

/** Types a handler can be registered for. */
const served = [FrameType.publish, FrameType.subscribe, FrameType.unsubscribe, FrameType.pubsubRoute, FrameType.call, FrameType.cast, FrameType.rpcRoute, FrameType.swimPing, FrameType.swimPingReq, FrameType.findNode, FrameType.store, FrameType.findValue, FrameType.peerExchange];

interface Stranger {
  readonly node: SessionNode;
  readonly connection: Connection;
  /** What reached any handler of the node. */
  readonly reached: unknown[];
  open(): TransportStream;
}

/** A connection of somebody who speaks the transport and writes what he likes. */
async function stranger(settings = {}): Promise<Stranger> {
  const network = new SessionNetwork();
  const node = await network.node('b', settings);
  const reached: unknown[] = [];
  for (const type of served) {
    node.sessions.handle(type, FrameType.reply, (body) => void reached.push(body));
    node.sessions.handleNotify(type, (body) => void reached.push(body));
  }
  node.sessions.handleStream('purpose', (header) => (reached.push(header), deaf));
  const endpoint = network.network.endpoint('c'.repeat(64));
  await endpoint.start();
  const connection = await network.run(endpoint.dial(node.endpoint.route));
  return { node, connection, reached, open: () => connection.openStream(deaf) };
}

function connectFrame(): Uint8Array {
  const token = new Uint8Array(32).fill(7);
  const connect = { version: protocolVersion, realmId: realmId('macula'), nonce: token, pathSecret: token, agent: 'stranger', capabilities: [], listen: [], observed: undefined };
  return encodeFrame(FrameType.connect, FrameFlag.request, [0, connectBody(connect)]);
}

describe('before admission', () => {
  for (const [name, type] of Object.entries(FrameType)) {
    for (const flags of [FrameFlag.none, FrameFlag.request]) {
      if (type === FrameType.connect && flags === FrameFlag.request) continue;
      it(`a frame ${name} with flags ${flags} closes the connection and reaches nobody`, async () => {
        const { node, connection, reached, open } = await stranger();
        open().write(encodeFrame(type, flags, flags === FrameFlag.request ? [1, null] : ['purpose', 1]));
        await settle();
        expect(await connection.closed).to.include({ by: 'remote', code: CloseCode.protocolViolation });
        expect([reached, node.opened]).to.deep.equal([[], []]);
        expect(node.refused.map(({ code, direction }) => [code, direction])).to.deep.equal([['MACULA_PROTOCOL_VIOLATION', 'in']]);
      });

      it(`a frame ${name} with flags ${flags} on another stream is not read`, async () => {
        const { node, connection, reached, open } = await stranger({ realmSecret: 's'.repeat(32) });
        const first = open();
        open().write(encodeFrame(type, flags, flags === FrameFlag.request ? [1, null] : ['purpose', 1]));
        first.write(connectFrame());
        await settle();
        expect([reached, node.opened, connection.isClosed]).to.deep.equal([[], [], false]);
      });
    }
  }

  it('a frame right behind CONNECT in a closed realm closes the connection', async () => {
    const { connection, reached, open } = await stranger({ realmSecret: 's'.repeat(32) });
    open().write(Buffer.concat([connectFrame(), encodeFrame(FrameType.call, FrameFlag.request, [5, 'x'])]));
    expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
    expect(reached).to.deep.equal([]);
  });

  it('another protocol version is refused with its own code', async () => {
    const { connection, node, open } = await stranger();
    open().write(encodeFrame(FrameType.connect, FrameFlag.request, [0, { version: 2 }]));
    expect(await connection.closed).to.include({ code: CloseCode.versionMismatch });
    expect(node.refused.map(({ code }) => code)).to.deep.equal(['MACULA_VERSION_MISMATCH']);
  });

  it('bytes that are no frame close the connection', async () => {
    const { connection, open } = await stranger();
    open().write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
  });

  it('the end of the message stream closes the connection', async () => {
    const { connection, open } = await stranger();
    const stream = open();
    stream.write(Uint8Array.of(1));
    stream.end();
    expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
  });
});

describe('after admission', () => {
  async function admitted(): Promise<Stranger & { first: TransportStream }> {
    const all = await stranger();
    const first = all.open();
    first.write(connectFrame());
    await settle();
    return { ...all, first };
  }

  it('the requests of the peer are served', async () => {
    const { reached, first, node } = await admitted();
    first.write(encodeFrame(FrameType.call, FrameFlag.request, [5, 'x']));
    await settle();
    expect([reached, node.opened.length]).to.deep.equal([['x'], 1]);
  });

  const violations: Record<string, Uint8Array> = {
    'CONNECT again': connectFrame(),
    'a proof': encodeFrame(FrameType.proof, FrameFlag.request, [1, {}]),
    'STREAM_OPEN on a message stream': encodeFrame(FrameType.streamOpen, FrameFlag.none, ['purpose', null]),
    'a request without a correlation id': encodeFrame(FrameType.call, FrameFlag.request, 'x'),
    'a reply without a correlation id': encodeFrame(FrameType.reply, FrameFlag.reply, [-1, 'x']),
    'a CANCEL of nothing': encodeFrame(FrameType.cancel, FrameFlag.none, null),
    'a malformed DISCONNECT': encodeFrame(FrameType.disconnect, FrameFlag.none, 'bye'),
    'a malformed ERROR': encodeFrame(FrameType.error, FrameFlag.reply, [1, 'oops']),
    'a body that is no MessagePack': Uint8Array.of(1, FrameType.call, 1, 0, 0, 0, 0, 1, 0xc1),
    'an unknown frame version': Uint8Array.of(9, FrameType.call, 1, 0, 0, 0, 0, 1, 0xc0),
    'a frame over the limit': Uint8Array.of(1, FrameType.call, 1, 0, 0xff, 0, 0, 0),
  };
  for (const [what, frame] of Object.entries(violations)) {
    it(`${what} closes the connection as a violation`, async () => {
      const { connection, first, reached, node } = await admitted();
      first.write(frame);
      expect(await connection.closed).to.include({ by: 'remote', code: CloseCode.protocolViolation });
      await settle();
      expect([reached, node.sessions.list()]).to.deep.equal([[], []]);
    });
  }

  it('a correlation id used twice at once closes the connection', async () => {
    const { connection, first, node } = await admitted();
    node.sessions.handle(FrameType.reply, FrameType.reply, () => new Promise(() => undefined));
    for (let count = 0; count < 2; count++) first.write(encodeFrame(FrameType.reply, FrameFlag.request, [5, 'x']));
    expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
  });

  it('a stream that begins with too large a frame closes the connection, finished or not', async () => {
    for (const frame of [encodeFrame(FrameType.streamOpen, FrameFlag.none, ['purpose', new Uint8Array(17_000)]), Buffer.concat([Uint8Array.of(1, FrameType.streamOpen, 0, 0, 0, 0x0f, 0, 0), new Uint8Array(20_000)])]) {
      const { connection, open, reached } = await admitted();
      open().write(frame);
      expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
      expect(reached).to.deep.equal([]);
    }
  });

  it('a handler that finds the body malformed closes the connection', async () => {
    const { connection, first, node } = await admitted();
    node.sessions.handle(FrameType.reply, FrameType.reply, () => {
      throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'malformed body');
    });
    first.write(encodeFrame(FrameType.reply, FrameFlag.request, [5, 'x']));
    expect(await connection.closed).to.deep.equal({ by: 'remote', code: CloseCode.protocolViolation, reason: 'malformed body' });
  });

  it('more message streams than any setting allows close the connection', async () => {
    const { connection, open } = await admitted();
    for (let count = 0; count < 16; count++) open().write(encodeFrame(FrameType.ping, FrameFlag.request, [count, null]));
    expect(await connection.closed).to.include({ code: CloseCode.protocolViolation });
  });

  it('who a message is from follows from the connection, whatever the body says', async () => {
    const { node, first } = await admitted();
    let from: string | undefined;
    node.sessions.handle(FrameType.reply, FrameType.reply, (_body, { session }) => void (from = session.nodeId));
    first.write(encodeFrame(FrameType.reply, FrameFlag.request, [5, { nodeId: 'd'.repeat(64), from: 'd'.repeat(64) }]));
    await settle();
    expect(from).to.equal('c'.repeat(64));
  });
});
