import type { SocketAddress } from '../base/address.js';
import { addressOf, addressTexts, bytesOf, integerOf, listOf, malformed, textOf, truncateText, tupleOf } from './fields.js';
import { FrameType } from './frame-type.js';
import { relaysField, relaysOf, type RelayHint } from './peer-record.js';
import { recordField, recordOf, type SignedRecord } from './signed-record.js';

/** Most contacts in one reply: k. */
export const maxReplyContacts = 20;
/** Most addresses of one contact in a reply. */
export const maxContactAddresses = 8;
/** Most records in one reply; a list of providers goes on in the next page. */
export const maxReplyRecords = 64;
/** Most bytes of payloads and signatures in one reply, so that it fits a frame with room to spare; one record always fits. */
export const maxReplyRecordBytes = 128 * 1024;
/** Most providers under one key that can be paged through. */
export const maxProviderOffset = 0xffff;
/** Most bytes of a reason in a STORE_REPLY. */
export const maxReasonBytes = 64;

const idBytes = 32;

const reachabilities = ['unknown', 'public', 'relayed'] as const;

/** A contact as one node tells another of it. */
export interface WireContact {
  /** 64 lower-case hex characters. */
  readonly nodeId: string;
  /** The same as 32 bytes. */
  readonly id: Uint8Array;
  readonly addresses: readonly SocketAddress[];
  readonly reachability: (typeof reachabilities)[number];
  readonly relays: readonly RelayHint[];
}

/** A DHT request. Keys and targets are 32 bytes. */
export type DhtRequestMessage =
  | { readonly type: 'find-node'; readonly target: Uint8Array }
  | { readonly type: 'find-value'; readonly key: Uint8Array }
  | { readonly type: 'find-providers'; readonly key: Uint8Array; readonly offset: number; readonly limit: number }
  | { readonly type: 'store'; readonly record: SignedRecord; readonly expectedSequence: number | undefined };

/** A DHT reply. */
export type DhtReplyMessage =
  | { readonly type: 'contacts'; readonly contacts: readonly WireContact[] }
  | { readonly type: 'records'; readonly records: readonly SignedRecord[]; readonly total: number; readonly contacts: readonly WireContact[] }
  | { readonly type: 'stored' }
  | { readonly type: 'newer'; readonly record: SignedRecord }
  | { readonly type: 'refused'; readonly reason: string };

/** A message with the frame type it travels in. */
export interface TypedBody {
  readonly frameType: FrameType;
  readonly body: unknown;
}

/** Frame types of requests this codec reads. */
export const dhtRequestTypes = [FrameType.findNode, FrameType.findValue, FrameType.store] as const;
export type DhtRequestType = (typeof dhtRequestTypes)[number];

/** Frame type in which the answer to a request comes. */
export const dhtReplyTypes: Readonly<Record<DhtRequestMessage['type'], FrameType>> = {
  'find-node': FrameType.findNodeReply,
  'find-value': FrameType.findValueReply,
  'find-providers': FrameType.findValueReply,
  store: FrameType.storeReply,
};

/** Frame type and body of a request. */
export function dhtRequestBody(request: DhtRequestMessage): TypedBody {
  switch (request.type) {
    case 'find-node':
      return { frameType: FrameType.findNode, body: [request.target] };
    case 'find-value':
      return { frameType: FrameType.findValue, body: [request.key, null] };
    case 'find-providers':
      return { frameType: FrameType.findValue, body: [request.key, [request.offset, request.limit]] };
    case 'store':
      return { frameType: FrameType.store, body: [recordField(request.record), request.expectedSequence ?? null] };
  }
}

/** Reads the body of a request of that frame type. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readDhtRequest(frameType: DhtRequestType, body: unknown): DhtRequestMessage {
  switch (frameType) {
    case FrameType.findNode: {
      const [target] = tupleOf('FIND_NODE', body, 1);
      return { type: 'find-node', target: bytesOf('FIND_NODE', 'target', target, idBytes) };
    }
    case FrameType.findValue:
      return readFindValue(body);
    case FrameType.store: {
      const [record, expected] = tupleOf('STORE', body, 2);
      const expectedSequence = expected === null ? undefined : integerOf('STORE', 'expected sequence', expected, 0, Number.MAX_SAFE_INTEGER);
      return { type: 'store', record: recordOf('STORE', record), expectedSequence };
    }
  }
}

function readFindValue(body: unknown): DhtRequestMessage {
  const message = 'FIND_VALUE';
  const [keyField, page] = tupleOf(message, body, 2);
  const key = bytesOf(message, 'key', keyField, idBytes);
  if (page === null) return { type: 'find-value', key };
  const [offset, limit] = tupleOf(message, page, 2);
  return {
    type: 'find-providers',
    key,
    offset: integerOf(message, 'offset', offset, 0, maxProviderOffset),
    limit: integerOf(message, 'limit', limit, 1, maxReplyRecords),
  };
}

/** Contacts as fields: those of a routing table go out with every other answer. */
const contactFields = new WeakMap<WireContact, unknown>();

function contactField(contact: WireContact): unknown {
  const known = contactFields.get(contact);
  if (known !== undefined) return known;
  const { id, addresses, reachability, relays } = contact;
  const field = [id, reachabilities.indexOf(reachability), addressTexts(addresses, maxContactAddresses), relaysField(relays)];
  contactFields.set(contact, field);
  return field;
}

function contactsField(contacts: readonly WireContact[]): unknown {
  return contacts.slice(0, maxReplyContacts).map(contactField);
}

function readContacts(message: string, value: unknown): WireContact[] {
  return listOf(message, 'contacts', value, maxReplyContacts, (item) => {
    const [idField, reachability, addresses, relays] = tupleOf(message, item, 4);
    const id = bytesOf(message, 'node id', idField, idBytes);
    return {
      nodeId: Buffer.from(id).toString('hex'),
      id,
      addresses: listOf(message, 'addresses', addresses, maxContactAddresses, (address) => addressOf(message, 'address', address)),
      reachability: reachabilities[integerOf(message, 'reachability', reachability, 0, reachabilities.length - 1)]!,
      relays: relaysOf(message, relays),
    };
  });
}

/** As many of the records, from the first on, as one reply carries. */
export function recordsThatFit(records: Iterable<SignedRecord>, limit: number = maxReplyRecords): SignedRecord[] {
  const fitting: SignedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    bytes += record.payload.length + record.signature.length;
    if (fitting.length >= limit || bytes > maxReplyRecordBytes) break;
    fitting.push(record);
  }
  return fitting;
}

/** Codes of the first element of STORE_REPLY. */
const storeStatus = { stored: 0, newer: 1, refused: 2 } as const;

/** Frame type and body of a reply. Contacts, addresses and records beyond the limits are left out; a longer reason is cut. */
export function dhtReplyBody(reply: DhtReplyMessage): TypedBody {
  switch (reply.type) {
    case 'contacts':
      return { frameType: FrameType.findNodeReply, body: [contactsField(reply.contacts)] };
    case 'records': {
      const records = recordsThatFit(reply.records).map(recordField);
      return { frameType: FrameType.findValueReply, body: [records, reply.total, contactsField(reply.contacts)] };
    }
    case 'stored':
      return { frameType: FrameType.storeReply, body: [storeStatus.stored, null, null] };
    case 'newer':
      return { frameType: FrameType.storeReply, body: [storeStatus.newer, recordField(reply.record), null] };
    case 'refused':
      return { frameType: FrameType.storeReply, body: [storeStatus.refused, null, truncateText(reply.reason, maxReasonBytes)] };
  }
}

/**
 * Reads the body of the reply to that request. The frame type is the session's to check; it follows from the request.
 * @throws MaculaError MACULA_PROTOCOL_VIOLATION
 */
export function readDhtReply(request: DhtRequestMessage, body: unknown): DhtReplyMessage {
  switch (request.type) {
    case 'find-node': {
      const [contacts] = tupleOf('FIND_NODE_REPLY', body, 1);
      return { type: 'contacts', contacts: readContacts('FIND_NODE_REPLY', contacts) };
    }
    case 'find-value':
      return readRecords(body, 1);
    case 'find-providers':
      return readRecords(body, request.limit);
    case 'store':
      return readStoreReply(body);
  }
}

function readRecords(body: unknown, maxRecords: number): DhtReplyMessage {
  const message = 'FIND_VALUE_REPLY';
  const [recordFields, totalField, contacts] = tupleOf(message, body, 3);
  const records = listOf(message, 'records', recordFields, maxRecords, (item) => recordOf(message, item));
  const total = integerOf(message, 'total', totalField, records.length, 0xffff_ffff);
  return { type: 'records', records, total, contacts: readContacts(message, contacts) };
}

function readStoreReply(body: unknown): DhtReplyMessage {
  const message = 'STORE_REPLY';
  const [status, record, reason] = tupleOf(message, body, 3);
  switch (status) {
    case storeStatus.stored:
      return { type: 'stored' };
    case storeStatus.newer:
      return { type: 'newer', record: recordOf(message, record) };
    case storeStatus.refused: {
      const text = textOf(message, 'reason', reason, maxReasonBytes, 1);
      // Told to people and counted by metrics: words and dashes only.
      if (!/^[a-z][a-z0-9-]*$/.test(text)) throw malformed(message, 'reason is not lower-case words with dashes');
      return { type: 'refused', reason: text };
    }
    default:
      throw malformed(message, 'unknown status');
  }
}
