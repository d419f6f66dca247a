import type { SocketAddress } from '../base/address.js';
import { addressOf, addressTexts, bytesOf, integerOf, listOf, malformed, tupleOf } from './fields.js';
import { decodeBody, encodeBody } from './message-pack.js';

/** Most relays a node names: as many as it holds reservations with. */
export const maxNamedRelays = 3;
/** Most addresses of one relay: both families, and one more. */
export const maxRelayAddresses = 3;
/** Most addresses of the node itself. */
export const maxRecordAddresses = 8;

const version = 1;
const nodeIdBytes = 32;

/** A relay through which a node can be reached. */
export interface RelayHint {
  /** 64 lower-case hex characters. */
  readonly nodeId: string;
  /** Where the relay itself can be reached. */
  readonly addresses: readonly SocketAddress[];
}

/** What a node says of itself in its peer record. */
export interface PeerRecord {
  /** Where it can be dialled; those behind a NAT are worth a try. */
  readonly addresses: readonly SocketAddress[];
  readonly relays: readonly RelayHint[];
}

/** Relays as a field of a message; those and addresses beyond the limits are left out. */
export function relaysField(relays: readonly RelayHint[]): unknown {
  return relays.slice(0, maxNamedRelays).map(({ nodeId, addresses }) => [Buffer.from(nodeId, 'hex'), addressTexts(addresses, maxRelayAddresses)]);
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function relaysOf(message: string, value: unknown): RelayHint[] {
  return listOf(message, 'relays', value, maxNamedRelays, (item) => {
    const [nodeId, addresses] = tupleOf(message, item, 2);
    return {
      nodeId: Buffer.from(bytesOf(message, 'node id of a relay', nodeId, nodeIdBytes)).toString('hex'),
      addresses: listOf(message, 'addresses of a relay', addresses, maxRelayAddresses, (address) => addressOf(message, 'address', address)),
    };
  });
}

/** Body of a peer record. */
export function encodePeerRecord({ addresses, relays }: PeerRecord): Uint8Array {
  return encodeBody([version, addressTexts(addresses, maxRecordAddresses), relaysField(relays)]);
}

/** Reads the body of a peer record; a later version may have more elements. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function decodePeerRecord(body: Uint8Array): PeerRecord {
  const message = 'peer record';
  const fields = decodeBody(body);
  if (!Array.isArray(fields) || fields.length < 3) throw malformed(message, 'not an array of at least 3');
  integerOf(message, 'version', fields[0], version, 0xffff);
  return {
    addresses: listOf(message, 'addresses', fields[1], maxRecordAddresses, (address) => addressOf(message, 'address', address)),
    relays: relaysOf(message, fields[2]),
  };
}
