import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode, type MaculaError, type Settings } from '../../../src/lib/index.js';
import { keySpaces, ownedKey, procedureKey, sharedKey, type RecordKey } from '../../../src/lib/dht/record-keys.js';
import { recordKinds, recordLabel, type RecordFields, type SignedRecord } from '../../../src/lib/dht/record.js';
import { realmId } from '../../../src/lib/session/realm-proof.js';
import { readDhtReply, dhtRequestBody, type DhtReplyMessage } from '../../../src/lib/wire/dht-messages.js';
import { encodeBody } from '../../../src/lib/wire/message-pack.js';
import { connectHonestPeer, type HonestPeer } from '../../fuzz/honest-peer.js';
import { newSigner } from '../../unit/dht/dht-shell-lab.js';
import { until } from '../session/node-fixture.js';

const realm = realmId('macula');
const minute = 60_000;

interface Forgery extends Partial<RecordFields> {
  readonly realmId?: Uint8Array;
}

/** A record with whatever it is told to say, signed as it stands: what an honest node would not make. */
function signed(key: RecordKey, signer = newSigner(), fields: Forgery = {}): SignedRecord {
  const now = Date.now();
  const record = { kind: 'value' as const, sequence: now, createdMs: now, ttlMs: 10 * minute, body: Buffer.from('x'), realmId: realm, ...fields };
  const payload = encodeBody([
    recordLabel, recordKinds.indexOf(record.kind), record.realmId, key.bytes, keySpaces.indexOf(key.space), key.nameHash, record.sequence, record.createdMs, record.ttlMs,
    signer.publicKey, record.body,
  ]);
  return { payload, signature: signer.sign(payload) };
}

describe('a node that is offered records over a session', function () {
  this.timeout(30_000);
  let directory: string;
  let node: MaculaNode;
  let peer: HonestPeer;
  const embedded: MaculaNode[] = [];

  const build = (name: string, settings: Partial<Settings> = {}): MaculaNode => {
    const built = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, dhtLeaveMs: 0, ...settings });
    embedded.push(built);
    return built;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-refused-'));
    node = build('node', { dhtRecordsPerPublisher: 3, dhtProvidersPerKey: 2 });
    await node.start();
    peer = await connectHonestPeer(node.listen[0]!.port);
  });
  after(async () => {
    await peer.stop();
    await Promise.all(embedded.map((each) => each.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  async function offer(record: SignedRecord, expectedSequence?: number): Promise<DhtReplyMessage> {
    const request = { type: 'store' as const, record, expectedSequence };
    const { frameType, body } = dhtRequestBody(request);
    return readDhtReply(request, await peer.session.request(frameType, body, { timeoutMs: 10_000 }));
  }
  const verdict = async (record: SignedRecord): Promise<string> => {
    const reply = await offer(record);
    return reply.type === 'refused' ? reply.reason : reply.type;
  };
  const key = sharedKey(realm, 'key');

  it('takes a good one', async () => {
    expect(await verdict(signed(key))).to.equal('stored');
  });

  const bad: readonly (readonly [string, string, () => SignedRecord])[] = [
    ['with a forged signature', 'forged', () => ({ ...signed(key), signature: signed(key).signature })],
    ['changed after it was signed', 'forged', () => {
      const record = signed(key, newSigner(), { body: Buffer.from('pay 1') });
      const payload = Buffer.from(record.payload);
      payload[payload.length - 1] = 0x39;
      return { ...record, payload };
    }],
    ['for a key that another node owns', 'foreign-owner', () => signed(ownedKey(realm, newSigner().nodeId, 'key'))],
    ['for a key that its name does not make', 'wrong-key', () => signed({ ...key, bytes: randomBytes(32) })],
    ['of another realm', 'wrong-realm', () => signed(sharedKey(realmId('elsewhere'), 'key'), newSigner(), { realmId: realmId('elsewhere') })],
    ['with a value over 64 KiB', 'oversize', () => signed(key, newSigner(), { body: Buffer.alloc(64 * 1024 + 1) })],
    ['made eleven minutes from now', 'future', () => signed(key, newSigner(), { createdMs: Date.now() + 11 * minute })],
    ['numbered beyond the time of day', 'future', () => signed(key, newSigner(), { sequence: Number.MAX_SAFE_INTEGER })],
    ['that has expired', 'expired', () => signed(key, newSigner(), { createdMs: Date.now() - 20 * minute })],
    ['that wants to live for a year', 'ttl-too-long', () => signed(key, newSigner(), { ttlMs: 365 * 24 * 60 * minute })],
    ['that is no record', 'malformed', () => ({ payload: randomBytes(100), signature: randomBytes(64) })],
  ];
  for (const [what, reason, make] of bad) {
    it(`refuses one ${what}: ${reason}`, async () => {
      expect(await verdict(make())).to.equal(reason);
    });
  }

  it('answers an older one of the same publisher with the newer, and keeps that', async () => {
    const signer = newSigner();
    const owned = ownedKey(realm, signer.nodeId, 'turn');
    const sequence = Date.now();
    const newer = signed(owned, signer, { sequence });
    expect(await verdict(newer)).to.equal('stored');
    const reply = await offer(signed(owned, signer, { sequence: sequence - 1 }));
    expect(reply).to.deep.equal({ type: 'newer', record: { payload: newer.payload, signature: newer.signature } });
  });

  it('refuses an older one played back after the newer has expired: stale-sequence', async () => {
    const signer = newSigner();
    const owned = ownedKey(realm, signer.nodeId, 'gone');
    const sequence = Date.now();
    const older = signed(owned, signer, { sequence: sequence - 1 });
    expect(await verdict(older)).to.equal('stored');
    expect(await verdict(signed(owned, signer, { sequence, ttlMs: 300 }))).to.equal('stored');
    await until(() => node.dht.stats().records < 3, 'it has expired');
    expect(await verdict(older)).to.equal('stale-sequence');
  });

  it('refuses more than a publisher may store, and more providers than a key may have', async () => {
    const signer = newSigner();
    for (let index = 0; index < 3; index++) expect(await verdict(signed(sharedKey(realm, `quota ${index}`), signer))).to.equal('stored');
    expect(await verdict(signed(sharedKey(realm, 'quota 3'), signer))).to.equal('publisher-quota');
    const provide = (): Promise<string> => verdict(signed(procedureKey(realm, 'add'), newSigner(), { kind: 'provider' }));
    expect([await provide(), await provide(), await provide()]).to.deep.equal(['stored', 'stored', 'key-full']);
  });

  it('goes on serving the peer after all of that', async () => {
    expect(await peer.session.ping({ timeoutMs: 10_000 })).to.be.greaterThan(0);
    expect(peer.session.isClosed).to.equal(false);
    expect(await verdict(signed(sharedKey(realm, 'last')))).to.equal('stored');
    expect(Buffer.from((await node.dht.get('last'))!.value).toString()).to.equal('x');
  });

  it('has its reason told by put, replica by replica', async () => {
    const writer = build('writer', { bootstrapUrl: [`https://127.0.0.1:${node.listen[0]!.port}`] });
    await writer.start();
    await until(() => writer.dht.nodes().some(({ nodeId }) => nodeId === node.nodeId), 'they know each other');
    for (let index = 0; index < 3; index++) await writer.dht.put(`mine ${index}`, 'x', { minReplicas: 2 });
    const failure = await writer.dht.put('one too many', 'x', { minReplicas: 2 }).then(() => expect.fail('it was stored'), (error: MaculaError) => error);
    expect(failure).to.include({ code: 'MACULA_UNDER_REPLICATED', exitCode: 8 });
    const answers = failure.details['answers'] as { nodeId: string }[];
    expect(answers.find(({ nodeId }) => nodeId === node.nodeId)).to.deep.include({ answer: 'refused', reason: 'publisher-quota' });
    expect(answers.find(({ nodeId }) => nodeId === writer.nodeId)).to.deep.include({ answer: 'stored' });
  });
});
