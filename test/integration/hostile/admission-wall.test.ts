import { expect } from 'chai';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { encodeFrame, FrameFlag } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { connectFrame } from '../../fuzz/frames.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import { newIdentity } from '../../support/odd-identities.js';
import { NodeFixture, until, type RealNode } from '../session/node-fixture.js';
import { RawClient } from '../transport/raw-client.js';

/** Types a handler can be registered for; the session itself takes care of the others. */
const served = [
  FrameType.publish, FrameType.subscribe, FrameType.unsubscribe, FrameType.pubsubRoute, FrameType.call, FrameType.cast, FrameType.rpcRoute,
  FrameType.swimPing, FrameType.swimPingReq, FrameType.findNode, FrameType.store, FrameType.findValue, FrameType.peerExchange,
];

describe('the admission wall from outside, over QUIC', function () {
  this.timeout(20_000);
  const fixture = new NodeFixture();
  const clients: RawClient[] = [];
  /** What reached any handler. */
  const reached: unknown[] = [];
  let identity: NodeIdentity;
  let node: RealNode;
  let closed: RealNode;

  before(async () => {
    identity = await newIdentity();
    // Time enough that no one is shown out for being slow.
    const patient = { handshakeTimeoutMs: 60_000 };
    node = await fixture.node(patient);
    closed = await fixture.node({ ...patient, realmSecret: 's'.repeat(32) });
    for (const { sessions } of [node, closed]) {
      for (const type of served) {
        sessions.handle(type, FrameType.reply, (body) => void reached.push(body));
        sessions.handleNotify(type, (body) => void reached.push(body));
      }
      sessions.handleStream('purpose', () => {
        reached.push('stream');
        throw new Error('no stream is accepted');
      });
    }
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  after(() => fixture.close());

  async function stranger(to: RealNode = node): Promise<RawClient> {
    const client = new RawClient(to.endpoint.localAddresses[0]!.port, { identity });
    clients.push(client);
    await client.until(() => client.native.isEstablished());
    return client;
  }

  async function closeAfter(client: RawClient, stream: number, bytes: Uint8Array): Promise<unknown> {
    client.native.streamSend(stream, bytes, false);
    await client.until(() => client.native.peerError() !== null);
    const { isApp, errorCode } = client.native.peerError()!;
    return { isApp, errorCode };
  }

  const violation = { isApp: true, errorCode: CloseCode.protocolViolation };
  for (const [name, type] of Object.entries(FrameType)) {
    it(`a frame ${name} in place of HELLO ends the connection as a violation and reaches nobody`, async () => {
      for (const flags of [FrameFlag.none, FrameFlag.request, FrameFlag.reply]) {
        if (type === FrameType.connect && flags === FrameFlag.request) continue;
        const before = node.refused.length;
        const body = flags === FrameFlag.none ? ['purpose', null] : [1, null];
        expect(await closeAfter(await stranger(), 0, encodeFrame(type, flags, body))).to.deep.equal(violation);
        await until(() => node.refused.length === before + 1, 'the refusal was told');
        expect(node.refused.at(-1)).to.include({ nodeId: identity.nodeId, code: 'MACULA_PROTOCOL_VIOLATION', direction: 'in' });
      }
      expect([reached, node.opened]).to.deep.equal([[], []]);
    });
  }

  it('frames on other streams are not even read before HELLO, and a request right behind CONNECT waits for a closed realm in vain', async () => {
    const client = await stranger(closed);
    for (const stream of [4, 8, 12]) client.native.streamSend(stream, encodeFrame(FrameType.call, FrameFlag.request, [5, 'x']), false);
    client.native.streamSend(4 * 4, encodeFrame(FrameType.streamOpen, FrameFlag.none, ['purpose', null]), false);
    client.native.streamSend(0, connectFrame(seededRandom(1)), false);
    await client.until(() => client.native.streamReadable(0));
    const answer = Buffer.alloc(1000);
    client.native.streamRecv(0, answer);
    expect(answer[1], 'the node asks for proof').to.equal(FrameType.challenge);
    expect(client.native.peerError()).to.equal(null);
    expect(await closeAfter(client, 0, encodeFrame(FrameType.call, FrameFlag.request, [6, 'x']))).to.deep.equal(violation);
    expect([reached, closed.opened]).to.deep.equal([[], []]);
  });

  it('once admitted, the same frames are served: the wall stands before HELLO only', async () => {
    const client = await stranger();
    client.native.streamSend(0, connectFrame(seededRandom(2)), false);
    client.native.streamSend(0, encodeFrame(FrameType.call, FrameFlag.request, [5, 'let in']), false);
    client.flush();
    await until(() => reached.length === 1, 'the request was served');
    expect(reached).to.deep.equal(['let in']);
  });
});
