import { createHash } from 'node:crypto';
import type { Signer } from '../../../src/lib/identity/signing.js';
import { ownedKey, procedureKey, sharedKey, topicKey, peerKey, type RecordKey } from '../../../src/lib/dht/record-keys.js';
import { createRecord, decodeRecord, type DecodedRecord, type RecordFields, type RecordKind } from '../../../src/lib/dht/record.js';
import { fakeSigner } from '../../support/fake-signer.js';

export const hour = 3_600_000;
export const day = 24 * hour;
/** Wall clock at which the tests of records begin. */
export const wallMs = Date.UTC(2026, 5, 1, 12);

export const realm = createHash('sha256').update('macula').digest();
export const alice = fakeSigner('alice');
export const bob = fakeSigner('bob');

const kinds: Readonly<Record<RecordKey['space'], RecordKind>> = { shared: 'value', owned: 'value', procedure: 'provider', topic: 'provider', peer: 'peer' };
const ttls: Readonly<Record<RecordKind, number>> = { value: day, provider: 600_000, peer: hour, tombstone: 7 * day };

/** A record of the kind its key's space has, unless told otherwise. */
export function recordOf(key: RecordKey, signer: Signer = alice, fields: Partial<RecordFields> = {}): DecodedRecord {
  const kind = fields.kind ?? kinds[key.space];
  const body = Buffer.from(kind === 'tombstone' ? '' : 'body');
  const signed = createRecord(realm, { kind, key, sequence: 1, createdMs: wallMs, ttlMs: ttls[kind], body, ...fields }, signer);
  const decoded = decodeRecord(signed);
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.record;
}

/** A key of each space; alice's where it belongs to somebody. */
export const keys = {
  shared: sharedKey(realm, 'name'),
  owned: ownedKey(realm, alice.nodeId, 'name'),
  procedure: procedureKey(realm, 'name'),
  topic: topicKey(realm, 'name'),
  peer: peerKey(alice.nodeId),
} as const;
