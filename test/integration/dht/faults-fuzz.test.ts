import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { MaculaNode, type MaculaError } from '../../../src/lib/index.js';
import { sharedKey } from '../../../src/lib/dht/record-keys.js';
import { createRecord } from '../../../src/lib/dht/record.js';
import { realmId } from '../../../src/lib/session/realm-proof.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { recordField } from '../../../src/lib/wire/signed-record.js';
import { connectHonestPeer, type HonestPeer } from '../../fuzz/honest-peer.js';
import { mutate } from '../../fuzz/mutations.js';
import { newSigner } from '../../unit/dht/dht-shell-lab.js';

const requests = 1500;
const realm = realmId('macula');

describe('a node that gets DHT messages with mutated records and broken bodies', function () {
  this.timeout(30_000);
  const random = seededRandom(21);
  const signer = newSigner();
  let directory: string;
  let node: MaculaNode;
  let peer: HonestPeer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-fuzz-'));
    node = new MaculaNode({ dataDir: directory, host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, dhtLeaveMs: 0 });
    await node.start();
    await node.dht.put('kept', 'as it was');
    peer = await connectHonestPeer(node.listen[0]!.port);
  });
  after(async () => {
    await peer.stop();
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Body of a STORE whose record was mutated before it was signed (by whom it says, so far as it still says so) or after. */
  function mutatedStore(): unknown {
    const now = Date.now();
    const record = createRecord(realm, { kind: 'value', key: sharedKey(realm, 'kept'), sequence: now, createdMs: now, ttlMs: 60_000, body: random.bytes(20) }, signer);
    const payload = mutate(record.payload, random, [record.payload]);
    return [recordField({ payload, signature: random.float() < 0.5 ? signer.sign(payload) : record.signature }), null];
  }

  function broken(): [FrameType, unknown] {
    const id = random.bytes(random.float() < 0.8 ? 32 : random.integer(64));
    const number = [0, -1, 1.5, 64, 65, 70_000, Number.MAX_SAFE_INTEGER][random.integer(7)];
    const bodies: [FrameType, unknown][] = [
      [FrameType.findNode, [id]], [FrameType.findNode, id], [FrameType.findNode, [id, null]],
      [FrameType.findValue, [id, null]], [FrameType.findValue, [id, [number, number]]], [FrameType.findValue, [id, number]],
      [FrameType.store, [[id, id], number]], [FrameType.store, [[], null]], [FrameType.store, null],
    ];
    return bodies[random.integer(bodies.length)]!;
  }

  it('answers each or closes the session, takes nothing that is not rightly signed, and goes on', async () => {
    const seen: Record<string, number> = {};
    const count = (outcome: string): void => void (seen[outcome] = (seen[outcome] ?? 0) + 1);
    for (let sent = 0; sent < requests; sent++) {
      const [type, body] = random.float() < 0.9 ? [FrameType.store, mutatedStore()] : broken();
      await peer.session.request(type, body, { timeoutMs: 10_000 }).then(
        (reply) => count(type === FrameType.store ? String((reply as unknown[])[2] ?? 'taken') : 'found'),
        (error: MaculaError) => count(error.code),
      );
      if (peer.session.isClosed) {
        await peer.stop();
        peer = await connectHonestPeer(node.listen[0]!.port);
      }
    }
    expect(seen).to.include.keys('malformed', 'forged');
    expect(seen['MACULA_TIMED_OUT'], 'requests that got no answer').to.equal(undefined);
    expect(seen['MACULA_REMOTE_ERROR'], 'errors of the node itself').to.equal(undefined);
    expect(node.status().state).to.equal('ready');
    expect(node.dht.stats().records).to.be.at.most(1 + (seen['taken'] ?? 0));
    expect([node.nodeId, signer.nodeId]).to.include((await node.dht.get('kept', { fresh: true }))!.publisher);
    await node.dht.put('afterwards', 'works');
    expect(Buffer.from((await node.dht.get('afterwards', { fresh: true }))!.value).toString()).to.equal('works');
    expect(await peer.session.ping({ timeoutMs: 10_000 })).to.be.greaterThan(0);
  });
});
