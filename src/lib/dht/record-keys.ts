import { createHash } from 'node:crypto';
import { nodeIdToBytes, type NodeId } from '../identity/node-id.js';

/** What a key stands for; each has keys of its own. */
export const keySpaces = ['shared', 'owned', 'procedure', 'topic', 'peer'] as const;
/** `shared`: a value anybody may write; `owned`: one that only its owner may; `procedure`, `topic`: providers; `peer`: a node. */
export type KeySpace = (typeof keySpaces)[number];

/** A key with what it was made of, which a record must show so that a replica can check who may write there. */
export interface RecordKey {
  readonly space: KeySpace;
  /** SHA-256 of the name in UTF-8; undefined for a peer. */
  readonly nameHash: Uint8Array | undefined;
  /** 32 bytes, a point of the id space. */
  readonly bytes: Uint8Array;
}

type NamedSpace = Exclude<KeySpace, 'peer'>;

/** Say what a hash is for: no two spaces, and nothing else in Macula, hash the same input. */
const labels: Readonly<Record<NamedSpace, string>> = {
  shared: 'macula dht shared value',
  owned: 'macula dht owned value',
  procedure: 'macula dht procedure',
  topic: 'macula dht topic',
};

/** Key in a space: SHA-256 over its label, a zero byte, the realm id, the owner's id (owned keys only) and the hash of the name. */
export function deriveKey(space: KeySpace, realmId: Uint8Array, owner: NodeId, nameHash: Uint8Array | undefined): Uint8Array {
  if (space === 'peer' || nameHash === undefined) return nodeIdToBytes(owner);
  const hash = createHash('sha256').update(labels[space], 'latin1').update(Buffer.of(0)).update(realmId);
  if (space === 'owned') hash.update(nodeIdToBytes(owner));
  return hash.update(nameHash).digest();
}

function namedKey(space: NamedSpace, realmId: Uint8Array, owner: NodeId, name: string): RecordKey {
  const nameHash = createHash('sha256').update(name, 'utf8').digest();
  return { space, nameHash, bytes: deriveKey(space, realmId, owner, nameHash) };
}

const nobody: NodeId = '';

/** Key of a value that any node of the realm may write; the last writer wins. */
export function sharedKey(realmId: Uint8Array, name: string): RecordKey {
  return namedKey('shared', realmId, nobody, name);
}

/** Key of a value that only `owner` can write. */
export function ownedKey(realmId: Uint8Array, owner: NodeId, name: string): RecordKey {
  return namedKey('owned', realmId, owner, name);
}

/** Key under which the providers of a procedure are found. */
export function procedureKey(realmId: Uint8Array, name: string): RecordKey {
  return namedKey('procedure', realmId, nobody, name);
}

/** Key under which those who serve a topic are found. */
export function topicKey(realmId: Uint8Array, name: string): RecordKey {
  return namedKey('topic', realmId, nobody, name);
}

/** Key of a node's own peer record: its id. */
export function peerKey(nodeId: NodeId): RecordKey {
  return { space: 'peer', nameHash: undefined, bytes: nodeIdToBytes(nodeId) };
}
