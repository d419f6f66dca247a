import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { maxPublicKeyBytes, maxSignatureBytes, readSigningKey, type Signer } from '../identity/signing.js';
import { bytesBetween, bytesOf, integerOf, malformed, tupleOf } from '../wire/fields.js';
import { decodeBody, encodeBody } from '../wire/message-pack.js';
import type { SignedRecord } from '../wire/signed-record.js';
import { deriveKey, keySpaces, type KeySpace, type RecordKey } from './record-keys.js';

export type { SignedRecord } from '../wire/signed-record.js';

/** First element of every payload: a signature made for anything else is none of a record. */
export const recordLabel = 'macula dht record 1';

export const recordKinds = ['value', 'provider', 'peer', 'tombstone'] as const;
/** `tombstone`: its publisher removed what it had under the key. */
export type RecordKind = (typeof recordKinds)[number];

/** What a record says. */
export interface RecordFields {
  readonly kind: RecordKind;
  readonly key: RecordKey;
  /** 1 to 2^53 - 1; of two records under a key, the higher one is newer. */
  readonly sequence: number;
  /** When it was made, by the publisher's wall clock, ms since the Unix epoch. */
  readonly createdMs: number;
  /** How long it lives from then on, ms. */
  readonly ttlMs: number;
  /** Opaque to the DHT; empty in a tombstone. */
  readonly body: Uint8Array;
}

/** A record's fields and who signed it. */
export interface DecodedRecord extends RecordFields {
  readonly realmId: Uint8Array;
  /** The key's bytes in lower-case hex, the form in which maps hold them. */
  readonly keyHex: string;
  /** Node id that the public key hashes to. */
  readonly publisher: NodeId;
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** As it came: what is passed on to others is never encoded anew. */
  readonly signed: SignedRecord;
}

/** Why a record can be kept nowhere, whoever looks at it. */
export type RecordFlaw =
  | 'malformed'
  | 'oversize'
  /** The public key is malformed or of a type that is not allowed. */
  | 'key-not-allowed'
  | 'ttl-too-long'
  /** The key is not what space, realm and name hash make. */
  | 'wrong-key'
  /** The key belongs to another node than the one that signed. */
  | 'foreign-owner';

/** A record that may be looked at, or why not. */
export type Checked<Reason extends string> =
  | { readonly ok: true; readonly record: DecodedRecord }
  | { readonly ok: false; readonly reason: Reason; readonly problem: string };

const minute = 60_000;
const day = 24 * 60 * minute;

/** Most bytes of a body. Only values are for people; the others are addresses and the like. */
export const maxBodyBytes: Readonly<Record<RecordKind, number>> = { value: 64 * 1024, provider: 1024, peer: 2048, tombstone: 0 };

/**
 * Longest time to live, ms. Who vanished without a word must be forgotten soon; a tombstone must be able to outlive
 * every record it removes.
 */
export const maxTtlMs: Readonly<Record<RecordKind, number>> = { value: 7 * day, provider: 60 * minute, peer: day, tombstone: 7 * day };

/** Key spaces in which a record of a kind can be. */
const spacesOfKind: Readonly<Record<RecordKind, readonly KeySpace[]>> = {
  value: ['shared', 'owned'],
  provider: ['procedure', 'topic'],
  peer: ['peer'],
  tombstone: keySpaces,
};

const message = 'DHT record';

/**
 * Makes and signs a record.
 * @throws MaculaError MACULA_VALUE_TOO_LARGE when the body is over the limit of its kind, MACULA_INVALID_VALUE for any
 * other field that replicas would refuse
 */
export function createRecord(realmId: Uint8Array, fields: RecordFields, signer: Signer): SignedRecord {
  const { kind, key, sequence, createdMs, ttlMs, body } = fields;
  if (body.length > maxBodyBytes[kind]) {
    throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a ${kind} record holds at most ${maxBodyBytes[kind]} bytes, not ${body.length}`, {
      details: { bytes: body.length, maxBytes: maxBodyBytes[kind] },
    });
  }
  const { space, nameHash, bytes } = key;
  const payload = encodeBody([
    recordLabel, recordKinds.indexOf(kind), realmId, bytes, keySpaces.indexOf(space), nameHash, sequence, createdMs, ttlMs, signer.publicKey, body,
  ]);
  const signed = { payload, signature: signer.sign(payload) };
  const checked = decodeRecord(signed);
  if (!checked.ok) throw new MaculaError('MACULA_INVALID_VALUE', `replicas would refuse this record: ${checked.problem}`);
  return signed;
}

/** Reads the payload and holds it to the rules that need neither time nor realm; the signature is not verified. */
export function decodeRecord(signed: SignedRecord): Checked<RecordFlaw> {
  let record: DecodedRecord | undefined;
  try {
    record = readPayload(signed);
  } catch (error) {
    return { ok: false, reason: 'malformed', problem: MaculaError.from(error).message };
  }
  if (record === undefined) return { ok: false, reason: 'key-not-allowed', problem: 'the public key is malformed or of a type that is not allowed' };
  const flaw = flawOf(record);
  return flaw === undefined ? { ok: true, record } : { ok: false, ...flaw };
}

function flawOf(record: DecodedRecord): { reason: RecordFlaw; problem: string } | undefined {
  const { kind, key, ttlMs, body, realmId, publisher } = record;
  if (body.length > maxBodyBytes[kind]) return { reason: 'oversize', problem: `${body.length} bytes in a ${kind} record, over ${maxBodyBytes[kind]}` };
  if (ttlMs > maxTtlMs[kind]) return { reason: 'ttl-too-long', problem: `a ${kind} record of ${ttlMs} ms, over ${maxTtlMs[kind]}` };
  if (!spacesOfKind[kind].includes(key.space)) return { reason: 'wrong-key', problem: `a ${kind} record in the key space ${key.space}` };
  if (Buffer.compare(key.bytes, deriveKey(key.space, realmId, publisher, key.nameHash)) === 0) return undefined;
  if (key.space === 'owned' || key.space === 'peer') return { reason: 'foreign-owner', problem: 'the key belongs to another node than the one that signed' };
  return { reason: 'wrong-key', problem: 'the key is not what space, realm and name make' };
}

function oneOf<Name extends string>(field: string, value: unknown, names: readonly Name[]): Name {
  return names[integerOf(message, field, value, 0, names.length - 1)]!;
}

function readKey(spaceIndex: unknown, nameHash: unknown, bytes: unknown): RecordKey {
  const space: KeySpace = oneOf('key space', spaceIndex, keySpaces);
  if (space === 'peer' && nameHash !== null) throw malformed(message, 'a peer record has a name hash');
  return {
    space,
    nameHash: space === 'peer' ? undefined : bytesOf(message, 'name hash', nameHash, 32),
    bytes: bytesOf(message, 'key', bytes, 32),
  };
}

function readPayload(signed: SignedRecord): DecodedRecord | undefined {
  bytesBetween(message, 'signature', signed.signature, 1, maxSignatureBytes);
  const fields = tupleOf(message, decodeBody(signed.payload), 11);
  const [label, kindIndex, realmId, keyBytes, space, nameHash, sequence, createdMs, ttlMs, publicKey, body] = fields;
  if (label !== recordLabel) throw malformed(message, 'not a record of a known version');
  const kind = oneOf('kind', kindIndex, recordKinds);
  const key = readKey(space, nameHash, keyBytes);
  const decoded = {
    kind,
    key,
    realmId: bytesOf(message, 'realm', realmId, 32),
    sequence: integerOf(message, 'sequence', sequence, 1, Number.MAX_SAFE_INTEGER),
    createdMs: integerOf(message, 'creation time', createdMs, 0, Number.MAX_SAFE_INTEGER),
    ttlMs: integerOf(message, 'time to live', ttlMs, 1, Number.MAX_SAFE_INTEGER),
    publicKey: bytesBetween(message, 'public key', publicKey, 1, maxPublicKeyBytes),
    body: bytesBetween(message, 'body', body, 0, signed.payload.length),
    keyHex: Buffer.from(key.bytes).toString('hex'),
    signed,
  };
  const publisher = readSigningKey(decoded.publicKey)?.nodeId;
  return publisher === undefined ? undefined : { ...decoded, publisher };
}
