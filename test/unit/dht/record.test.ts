import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { keyTypes } from '../../../src/lib/identity/identity.js';
import { createSigner, verifySignature } from '../../../src/lib/identity/signing.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { keySpaces, ownedKey, peerKey, procedureKey, sharedKey, topicKey } from '../../../src/lib/dht/record-keys.js';
import { compareRecords } from '../../../src/lib/dht/record-order.js';
import { verifyRecord, type VerifyContext } from '../../../src/lib/dht/record-rules.js';
import { createRecord, decodeRecord, recordKinds, type DecodedRecord, type RecordFields, type SignedRecord } from '../../../src/lib/dht/record.js';
import { fakeVerify } from '../../support/fake-signer.js';
import { identityAt } from '../identity/certificate-fixtures.js';
import { alice, bob, day, hour, keys, realm, recordOf, wallMs } from './record-fixtures.js';

const context: VerifyContext = { realmId: realm, nowWallMs: wallMs, verify: fakeVerify };
const verdict = (signed: SignedRecord, at: Partial<VerifyContext> = {}): string => {
  const checked = verifyRecord(signed, { ...context, ...at });
  return checked.ok ? 'good' : checked.reason;
};

/** A record with elements of its payload replaced, by index, and signed. */
function tampered(changes: Readonly<Record<number, unknown>>, base: DecodedRecord = recordOf(keys.shared), signer = alice): SignedRecord {
  const fields = decodeBody(base.signed.payload) as unknown[];
  for (const [index, value] of Object.entries(changes)) fields[Number(index)] = value;
  const payload = encodeBody(fields);
  return { payload, signature: signer.sign(payload) };
}

describe('record keys', () => {
  it('are different in every space, realm, for every name and owner', () => {
    const other = Buffer.alloc(32, 7);
    const all = [
      ...['name', 'Name', 'name ', ''].flatMap((name) => [sharedKey(realm, name), ownedKey(realm, alice.nodeId, name), procedureKey(realm, name), topicKey(realm, name)]),
      sharedKey(other, 'name'), ownedKey(other, alice.nodeId, 'name'), ownedKey(realm, bob.nodeId, 'name'), peerKey(alice.nodeId), peerKey(bob.nodeId),
    ].map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    expect(new Set(all).size).to.equal(all.length);
    for (const key of all) expect(key).to.match(/^[0-9a-f]{64}$/);
  });

  it('of a peer are its id', () => expect(Buffer.from(peerKey(alice.nodeId).bytes).toString('hex')).to.equal(alice.nodeId));
});

describe('a signed record', () => {
  for (const keyType of keyTypes) {
    it(`comes back whole and verifies when signed with ${keyType}`, async () => {
      const signer = createSigner(await identityAt(wallMs, keyType));
      const key = ownedKey(realm, signer.nodeId, 'name');
      const fields: RecordFields = { kind: 'value', key, sequence: 2 ** 40, createdMs: wallMs, ttlMs: day, body: Buffer.alloc(64 * 1024, 5) };
      const signed = createRecord(realm, fields, signer);
      const checked = verifyRecord(signed, { realmId: realm, nowWallMs: wallMs, verify: verifySignature });
      expect(checked).to.deep.equal({
        ok: true,
        record: { ...fields, realmId: realm, keyHex: Buffer.from(key.bytes).toString('hex'), publisher: signer.nodeId, publicKey: signer.publicKey, signed },
      });
    });
  }

  it('can be of every kind in its spaces', () => {
    for (const key of Object.values(keys)) {
      for (const record of [recordOf(key), recordOf(key, alice, { kind: 'tombstone' })]) expect(verdict(record.signed), `${record.kind} in ${key.space}`).to.equal('good');
    }
  });

  it('is not made over the limits of its kind, or with fields that replicas refuse', () => {
    const over = (kind: RecordFields['kind'], key: RecordFields['key'], bytes: number): (() => unknown) => () => recordOf(key, alice, { kind, body: Buffer.alloc(bytes) });
    for (const run of [over('value', keys.shared, 65_537), over('provider', keys.topic, 1025), over('peer', keys.peer, 2049), over('tombstone', keys.shared, 1)]) {
      expect(run).to.throw(MaculaError).with.property('code', 'MACULA_VALUE_TOO_LARGE');
    }
    for (const fields of [{ sequence: 0 }, { sequence: 1.5 }, { ttlMs: 0 }, { ttlMs: 7 * day + 1 }, { createdMs: -1 }, { kind: 'provider' as const }]) {
      expect(() => recordOf(keys.shared, alice, fields)).to.throw(MaculaError).with.property('code', 'MACULA_INVALID_VALUE');
    }
    expect(() => recordOf(keys.owned, bob)).to.throw(MaculaError).with.property('code', 'MACULA_INVALID_VALUE');
  });

  const good = recordOf(keys.shared);
  const refusals: readonly (readonly [what: string, reason: string, signed: SignedRecord, at?: Partial<VerifyContext>])[] = [
    ['signed by another key', 'forged', { payload: good.signed.payload, signature: bob.sign(good.signed.payload) }],
    ['with a payload changed after signing', 'forged', { ...tampered({ 10: Buffer.from('other') }), signature: good.signed.signature }],
    ['with the public key of somebody else', 'forged', tampered({ 9: bob.publicKey })],
    ['in the key of another owner', 'foreign-owner', tampered({ 9: bob.publicKey }, recordOf(keys.owned), bob)],
    ['as the peer record of another node', 'foreign-owner', tampered({ 9: bob.publicKey }, recordOf(keys.peer), bob)],
    ['removing what another owns', 'foreign-owner', tampered({ 9: bob.publicKey }, recordOf(keys.owned, alice, { kind: 'tombstone' }), bob)],
    ['of another realm', 'wrong-realm', good.signed, { realmId: Buffer.alloc(32, 9) }],
    ['whose key does not follow from the name', 'wrong-key', tampered({ 3: Buffer.alloc(32, 1) })],
    ['whose key is of another space', 'wrong-key', tampered({ 4: keySpaces.indexOf('topic') })],
    ['that provides under the key of a value', 'wrong-key', tampered({ 1: recordKinds.indexOf('provider'), 8: 1 })],
    ['that is a value under the key of a procedure', 'wrong-key', tampered({ 1: recordKinds.indexOf('value') }, recordOf(keys.procedure))],
    ['made more than ten minutes in the future', 'future', recordOf(keys.shared, alice, { createdMs: wallMs + 600_001 }).signed],
    ['numbered beyond the time', 'future', recordOf(keys.shared, alice, { sequence: wallMs + 600_001 }).signed],
    ['of which life is over', 'expired', recordOf(keys.shared, alice, { createdMs: wallMs - hour, ttlMs: hour }).signed],
    ['that would live too long', 'ttl-too-long', tampered({ 7: 1, 8: 7 * day + 1 })],
    ['of a provider that would live too long', 'ttl-too-long', tampered({ 8: hour + 1 }, recordOf(keys.topic))],
    ['with too large a body for its kind', 'oversize', tampered({ 10: Buffer.alloc(1025) }, recordOf(keys.topic))],
    ['that removes and says something', 'oversize', tampered({ 10: Buffer.alloc(1) }, recordOf(keys.shared, alice, { kind: 'tombstone' }))],
    ['with a value of more than 64 KiB', 'oversize', tampered({ 10: Buffer.alloc(64 * 1024 + 1) })],
    ['with a key of a type that is not allowed', 'key-not-allowed', tampered({ 9: Buffer.from('302a300506032b656e032100'.padEnd(88, '0'), 'hex') })],
    ['without a signature', 'malformed', { ...good.signed, signature: Buffer.alloc(0) }],
    ['with an endless signature', 'malformed', { ...good.signed, signature: Buffer.alloc(513) }],
    ['with bytes after the payload', 'malformed', { ...good.signed, payload: Buffer.concat([good.signed.payload, Buffer.of(0)]) }],
    ['that is no MessagePack', 'malformed', { ...good.signed, payload: Buffer.of(0xc1) }],
    ['that is a map', 'malformed', { ...good.signed, payload: encodeBody({}) }],
    ['with an element too few', 'malformed', { ...good.signed, payload: encodeBody((decodeBody(good.signed.payload) as unknown[]).slice(0, 10)) }],
    ['with a label of another version', 'malformed', tampered({ 0: 'macula dht record 2' })],
  ];
  for (const [what, reason, signed, at] of refusals) it(`${what} is refused: ${reason}`, () => expect(verdict(signed, at)).to.equal(reason));

  it('with a field of another type is refused as malformed', () => {
    const wrong: Readonly<Record<number, unknown[]>> = {
      0: [null, 1], 1: [4, -1, 0.5, 'value', null], 2: [null, Buffer.alloc(31), 'x'.repeat(32)], 3: [null, Buffer.alloc(33)], 4: [5, -1, null], 5: [null, Buffer.alloc(31)],
      6: [0, -1, 1.5, null, '1', 2 ** 53, 2n ** 60n], 7: [-1, null, 2 ** 53], 8: [0, null, -1], 9: [null, Buffer.alloc(0), Buffer.alloc(601)], 10: [null, 'text', []],
    };
    for (const [index, values] of Object.entries(wrong)) {
      for (const value of values) expect(verdict(tampered({ [index]: value })), `element ${index}: ${String(value)}`).to.equal('malformed');
    }
    expect(verdict(tampered({ 5: Buffer.alloc(32) }, recordOf(keys.peer)))).to.equal('malformed');
  });

  it('is taken to the last millisecond of its life and of the clock tolerance', () => {
    expect(verdict(recordOf(keys.shared, alice, { createdMs: wallMs - hour + 1, ttlMs: hour }).signed)).to.equal('good');
    expect(verdict(recordOf(keys.shared, alice, { createdMs: wallMs + 600_000, sequence: wallMs + 600_000 }).signed)).to.equal('good');
  });

  it('is timely if it is so by either clock, the wall clock or the one that does not jump', () => {
    for (const jumpMs of [-365 * day, 365 * day]) {
      expect(verdict(good.signed, { nowWallMs: wallMs + jumpMs, steadyWallMs: wallMs })).to.equal('good');
      expect(verdict(good.signed, { nowWallMs: wallMs, steadyWallMs: wallMs + jumpMs })).to.equal('good');
      expect(verdict(good.signed, { nowWallMs: wallMs + jumpMs, steadyWallMs: wallMs + 2 * jumpMs })).to.equal(jumpMs < 0 ? 'future' : 'expired');
    }
  });

  it('is verified over the bytes that came, not over an encoding of what they mean', () => {
    const fields = decodeBody(good.signed.payload) as unknown[];
    const compact = Buffer.from(encodeBody(fields));
    const wide = Buffer.concat([Buffer.from('dc000b', 'hex'), compact.subarray(1)]);
    expect(decodeBody(wide)).to.deep.equal(fields);
    expect(verdict({ payload: wide, signature: alice.sign(wide) })).to.equal('good');
    expect(verdict({ payload: wide, signature: good.signed.signature })).to.equal('forged');
  });

  it('costs no signature check while something cheaper refuses it', () => {
    const verify = (): boolean => {
      throw new Error('asked to verify');
    };
    for (const [, reason, signed, at] of refusals) if (reason !== 'forged') expect(verdict(signed, { ...at, verify })).to.equal(reason);
  });

  it('with any byte of its payload changed is never good, and decoding never throws', () => {
    fc.assert(fc.property(fc.nat({ max: good.signed.payload.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const payload = Buffer.from(good.signed.payload);
      payload[at]! ^= change;
      expect(verdict({ payload, signature: good.signed.signature })).not.to.equal('good');
    }));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
      expect(decodeRecord({ payload, signature: Buffer.alloc(64) }).ok).to.equal(false);
    }));
  });
});

describe('the order of records', () => {
  const signers = [alice, bob];
  const anyRecord = fc.record({ sequence: fc.integer({ min: 1, max: 3 }), who: fc.nat({ max: 1 }), gone: fc.boolean(), createdMs: fc.integer({ min: wallMs, max: wallMs + 2 }), ttlMs: fc.integer({ min: 1, max: 2 }) })
    .map(({ who, gone, ...fields }) => recordOf(keys.shared, signers[who], { ...fields, kind: gone ? 'tombstone' : 'value' }));

  it('is total: antisymmetric, transitive, and equal only for the same payload', () => {
    fc.assert(fc.property(anyRecord, anyRecord, anyRecord, (a, b, c) => {
      expect(Math.sign(compareRecords(a, b))).to.equal(-Math.sign(compareRecords(b, a)) + 0);
      expect(compareRecords(a, b) === 0).to.equal(Buffer.compare(a.signed.payload, b.signed.payload) === 0);
      if (compareRecords(a, b) >= 0 && compareRecords(b, c) >= 0) expect(compareRecords(a, c)).to.be.at.least(0);
    }));
  });

  it('goes by sequence, publisher, removal and creation, in this order', () => {
    const [low, high] = alice.nodeId < bob.nodeId ? [alice, bob] : [bob, alice];
    const ascending = [
      recordOf(keys.shared, low, { createdMs: wallMs + 5 }),
      recordOf(keys.shared, low, { kind: 'tombstone' }),
      recordOf(keys.shared, high, { createdMs: wallMs + 1 }),
      recordOf(keys.shared, high, { createdMs: wallMs + 2 }),
      recordOf(keys.shared, high, { kind: 'tombstone' }),
      recordOf(keys.shared, low, { sequence: 2 }),
    ];
    for (let index = 1; index < ascending.length; index++) expect(compareRecords(ascending[index]!, ascending[index - 1]!), `${index}`).to.be.above(0);
  });
});
