import { formatAddress, type SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';
import { addressOf, addressTexts, bytesOf, integerOf, listOf, mapOf, textOf, truncateText } from './fields.js';

/** Version of everything after the TLS handshake; both sides must speak the same. */
export const protocolVersion = 1;

/** Bytes of realm id, nonce, path secret share and realm proof alike. */
export const helloTokenBytes = 32;

/** Most bytes of an agent string. */
export const maxAgentBytes = 128;
/** Most capabilities a node can name, and most bytes of each name. */
export const maxCapabilities = 32;
export const maxCapabilityBytes = 64;
/** Most listen addresses a node can name: eight interfaces with both address families. */
export const maxListenAddresses = 16;

/** What each side says of itself. */
export interface HelloSide {
  /** Name and version of the software, for people. */
  readonly agent: string;
  readonly capabilities: readonly string[];
  readonly listen: readonly SocketAddress[];
  /** The address this side sees the other come from. */
  readonly observed: SocketAddress | undefined;
  /** This side's wall clock as it wrote the message, milliseconds since the Unix epoch; undefined where it does not say. */
  readonly timeMs?: number;
  /** This side's half of the path key, 32 fresh random bytes. */
  readonly pathSecret: Uint8Array;
}

/** CONNECT: first message of the dialling side. */
export interface Connect extends HelloSide {
  readonly version: number;
  readonly realmId: Uint8Array;
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array;
}

/** ADMITTED: the accepting side's half of HELLO. */
export interface Admitted extends HelloSide {
  /** Proof of the accepting side, in closed realms only. */
  readonly proof: Uint8Array | undefined;
}

function sideBody(side: HelloSide): Record<string, unknown> {
  return {
    agent: truncateText(side.agent, maxAgentBytes),
    capabilities: side.capabilities,
    listen: addressTexts(side.listen, maxListenAddresses),
    observed: side.observed === undefined ? null : formatAddress(side.observed),
    pathSecret: side.pathSecret,
    ...(side.timeMs === undefined ? {} : { time: Math.round(side.timeMs) }),
  };
}

function readSide(message: string, map: Readonly<Record<string, unknown>>): HelloSide {
  const observed = map['observed'];
  const time = map['time'];
  return {
    agent: textOf(message, 'agent', map['agent'], maxAgentBytes),
    capabilities: listOf(message, 'capabilities', map['capabilities'], maxCapabilities, (item) =>
      textOf(message, 'capability', item, maxCapabilityBytes, 1)),
    listen: listOf(message, 'listen', map['listen'], maxListenAddresses, (item) => addressOf(message, 'listen address', item)),
    observed: observed === null || observed === undefined ? undefined : addressOf(message, 'observed address', observed),
    ...(time === null || time === undefined ? {} : { timeMs: integerOf(message, 'time', time, 0, Number.MAX_SAFE_INTEGER) }),
    pathSecret: bytesOf(message, 'pathSecret', map['pathSecret'], helloTokenBytes),
  };
}

/** Body of a CONNECT request. Listen addresses beyond the limit are left out, a longer agent string is cut. */
export function connectBody(connect: Connect): unknown {
  return { version: connect.version, realm: connect.realmId, nonce: connect.nonce, ...sideBody(connect) };
}

/**
 * Reads the body of CONNECT; keys it does not know are ignored. The version is judged first, since another
 * version may have other fields.
 * @throws MaculaError MACULA_VERSION_MISMATCH, MACULA_PROTOCOL_VIOLATION
 */
export function readConnect(body: unknown): Connect {
  const map = mapOf('CONNECT', body);
  const version = integerOf('CONNECT', 'version', map['version'], 0, 0xffff_ffff);
  if (version !== protocolVersion) {
    throw new MaculaError('MACULA_VERSION_MISMATCH', `the peer speaks protocol version ${version}, this node ${protocolVersion}`, {
      details: { theirs: version, ours: protocolVersion },
    });
  }
  return {
    version,
    realmId: bytesOf('CONNECT', 'realm', map['realm'], helloTokenBytes),
    nonce: bytesOf('CONNECT', 'nonce', map['nonce'], helloTokenBytes),
    ...readSide('CONNECT', map),
  };
}

/** Body of ADMITTED. */
export function admittedBody(admitted: Admitted): unknown {
  return { ...sideBody(admitted), proof: admitted.proof ?? null };
}

/** Reads the body of ADMITTED; keys it does not know are ignored. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readAdmitted(body: unknown): Admitted {
  const map = mapOf('ADMITTED', body);
  const proof = map['proof'];
  return {
    ...readSide('ADMITTED', map),
    proof: proof === null || proof === undefined ? undefined : bytesOf('ADMITTED', 'proof', proof, helloTokenBytes),
  };
}

/** Body of CHALLENGE: the accepting side's nonce, 32 fresh random bytes. */
export function challengeBody(nonce: Uint8Array): unknown {
  return { nonce };
}

/** The nonce of a CHALLENGE. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readChallenge(body: unknown): Uint8Array {
  return bytesOf('CHALLENGE', 'nonce', mapOf('CHALLENGE', body)['nonce'], helloTokenBytes);
}

/** Body of PROOF: the dialling side's realm proof. */
export function proofBody(proof: Uint8Array): unknown {
  return { proof };
}

/** The proof of a PROOF. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readProof(body: unknown): Uint8Array {
  return bytesOf('PROOF', 'proof', mapOf('PROOF', body)['proof'], helloTokenBytes);
}
