import type { SocketAddress } from '../base/address.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { CloseCode } from '../transport/endpoint.js';
import { FrameFlag } from '../wire/frame.js';
import { decodeCorrelated } from '../wire/correlation.js';
import { FrameType } from '../wire/frame-type.js';
import {
  admittedBody, challengeBody, connectBody, proofBody, protocolVersion, readAdmitted, readChallenge, readConnect, readProof, type Connect, type HelloSide,
} from '../wire/hello.js';
import { derivePathKey } from './path-key.js';
import { proveRealm, verifyRealmProof, type ProofContext } from './realm-proof.js';
import type { PeerHello } from './session.js';

/** Application protocol of the TLS handshake; part of what a realm proof speaks about. */
export const alpn = 'macula/1';

/** Correlation ids of the two questions of HELLO. */
const connectId = 0;
const proofId = 1;

/** What one side brings to HELLO. */
export interface HelloParty {
  readonly role: 'client' | 'server';
  readonly nodeId: NodeId;
  /** The id TLS proved. */
  readonly peerId: NodeId;
  /** SHA-256 of the realm's name. */
  readonly realmId: Uint8Array;
  /** Empty in an open realm. */
  readonly realmSecret: string;
  readonly agent: string;
  readonly capabilities: readonly string[];
  readonly listen: readonly SocketAddress[];
  /** Where this side sees the other. */
  readonly observed: SocketAddress | undefined;
  /** This side's wall clock, milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** 32 fresh random bytes each. */
  readonly nonce: Uint8Array;
  readonly pathSecret: Uint8Array;
}

export type HelloEvent = { readonly kind: 'start' } | { readonly kind: 'frame'; readonly type: number; readonly flags: number; readonly payload: Uint8Array } | { readonly kind: 'timeout' };

export type HelloEffect =
  | { readonly kind: 'send'; readonly type: FrameType; readonly flags: number; readonly body: unknown }
  | { readonly kind: 'admitted'; readonly hello: PeerHello; readonly pathKey: () => Uint8Array }
  | { readonly kind: 'refuse'; readonly closeCode: CloseCode; readonly error: MaculaError };

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'awaiting-connect' }
  | { readonly name: 'awaiting-answer' }
  | { readonly name: 'awaiting-proof'; readonly connect: Connect; readonly proof: ProofContext }
  | { readonly name: 'awaiting-admission'; readonly proof: ProofContext }
  | { readonly name: 'done' };

/**
 * Decides whether two nodes admit each other. Open realm: CONNECT, ADMITTED. Closed realm: CONNECT, CHALLENGE,
 * PROOF, ADMITTED with the other side's proof. Anything else is refused, and nothing follows a refusal.
 */
export class HelloCore {
  readonly #party: HelloParty;
  #state: State = { name: 'idle' };

  constructor(party: HelloParty) {
    this.#party = party;
  }

  handle(event: HelloEvent): HelloEffect[] {
    if (this.#state.name === 'done') return [];
    try {
      switch (event.kind) {
        case 'start':
          return this.#start();
        case 'timeout':
          return this.#refuse(CloseCode.admissionTimeout, 'MACULA_TIMED_OUT', 'the peer did not complete HELLO in time');
        case 'frame':
          return this.#frame(event.type, event.flags, event.payload);
      }
    } catch (error) {
      const { code, message } = MaculaError.from(error);
      if (code === 'MACULA_VERSION_MISMATCH') return this.#refuse(CloseCode.versionMismatch, code, message);
      if (code === 'MACULA_PROTOCOL_VIOLATION') return this.#refuse(CloseCode.protocolViolation, code, message);
      throw error;
    }
  }

  #start(): HelloEffect[] {
    if (this.#party.role === 'server') {
      this.#state = { name: 'awaiting-connect' };
      return [];
    }
    this.#state = { name: 'awaiting-answer' };
    const { realmId, nonce } = this.#party;
    const connect = connectBody({ version: protocolVersion, realmId, nonce, ...this.#side() });
    return [{ kind: 'send', type: FrameType.connect, flags: FrameFlag.request, body: [connectId, connect] }];
  }

  #frame(type: number, flags: number, payload: Uint8Array): HelloEffect[] {
    const state = this.#state;
    if (state.name === 'awaiting-connect' && type === FrameType.connect) return this.#connect(readQuestion(flags, payload, connectId));
    if (state.name === 'awaiting-proof' && type === FrameType.proof) return this.#proof(state, readQuestion(flags, payload, proofId));
    if (state.name === 'awaiting-answer' && type === FrameType.challenge) return this.#challenge(readAnswer(flags, payload, connectId));
    if (state.name === 'awaiting-answer' && type === FrameType.admitted) return this.#admittedOpen(readAnswer(flags, payload, connectId));
    if (state.name === 'awaiting-admission' && type === FrameType.admitted) return this.#admittedClosed(state, readAnswer(flags, payload, proofId));
    return this.#refuse(CloseCode.protocolViolation, 'MACULA_PROTOCOL_VIOLATION', `frame of type 0x${type.toString(16).padStart(2, '0')} before admission`);
  }

  /** Server: judges CONNECT. */
  #connect(body: unknown): HelloEffect[] {
    const connect = readConnect(body);
    const { realmId, realmSecret, nodeId, peerId, nonce } = this.#party;
    if (Buffer.compare(connect.realmId, realmId) !== 0) {
      return this.#refuse(CloseCode.realmMismatch, 'MACULA_REALM_MISMATCH', 'the two nodes belong to different realms');
    }
    if (realmSecret === '') return this.#admit(connectId, connect, undefined, connect.pathSecret);
    const proof: ProofContext = { secret: realmSecret, realmId, clientId: peerId, serverId: nodeId, clientNonce: connect.nonce, serverNonce: nonce, version: protocolVersion, alpn };
    this.#state = { name: 'awaiting-proof', connect, proof };
    return [{ kind: 'send', type: FrameType.challenge, flags: FrameFlag.reply, body: [connectId, challengeBody(nonce)] }];
  }

  /** Server: judges the dialling side's proof, and only then shows its own. */
  #proof(state: State & { name: 'awaiting-proof' }, body: unknown): HelloEffect[] {
    if (!verifyRealmProof('client', state.proof, readProof(body))) return this.#refuseProof('the dialling node does not hold the realm secret of the node it reached');
    return this.#admit(proofId, state.connect, proveRealm('server', state.proof), state.connect.pathSecret);
  }

  #admit(id: number, peer: HelloSide, proof: Uint8Array | undefined, clientShare: Uint8Array): HelloEffect[] {
    this.#state = { name: 'done' };
    const body = admittedBody({ ...this.#side(), proof });
    return [
      { kind: 'send', type: FrameType.admitted, flags: FrameFlag.reply, body: [id, body] },
      { kind: 'admitted', hello: helloOf(peer), pathKey: () => derivePathKey(clientShare, this.#party.pathSecret) },
    ];
  }

  /** Client: the other side runs a closed realm. */
  #challenge(body: unknown): HelloEffect[] {
    const { realmSecret: secret, realmId, nodeId, peerId, nonce } = this.#party;
    if (secret === '') return this.#refuseProof('the realm of the node reached is closed, and the dialling node has no realm secret');
    const proof: ProofContext = { secret, realmId, clientId: nodeId, serverId: peerId, clientNonce: nonce, serverNonce: readChallenge(body), version: protocolVersion, alpn };
    this.#state = { name: 'awaiting-admission', proof };
    return [{ kind: 'send', type: FrameType.proof, flags: FrameFlag.request, body: [proofId, proofBody(proveRealm('client', proof))] }];
  }

  /** Client: admitted without being asked for proof. */
  #admittedOpen(body: unknown): HelloEffect[] {
    const admitted = readAdmitted(body);
    if (this.#party.realmSecret !== '') return this.#refuseProof('the realm of the dialling node is closed, and the node reached has no realm secret');
    return this.#accept(admitted);
  }

  /** Client: admitted after proof; the other side must have shown its own. */
  #admittedClosed(state: State & { name: 'awaiting-admission' }, body: unknown): HelloEffect[] {
    const admitted = readAdmitted(body);
    if (!admitted.proof || !verifyRealmProof('server', state.proof, admitted.proof)) {
      return this.#refuseProof('the node reached does not hold the realm secret of the dialling node');
    }
    return this.#accept(admitted);
  }

  #accept(peer: HelloSide): HelloEffect[] {
    this.#state = { name: 'done' };
    return [{ kind: 'admitted', hello: helloOf(peer), pathKey: () => derivePathKey(this.#party.pathSecret, peer.pathSecret) }];
  }

  #side(): HelloSide {
    const { agent, capabilities, listen, observed, timeMs, pathSecret } = this.#party;
    return { agent, capabilities, listen, observed, timeMs, pathSecret };
  }

  #refuseProof(reason: string): HelloEffect[] {
    return this.#refuse(CloseCode.realmProofFailed, 'MACULA_REALM_PROOF_FAILED', reason);
  }

  #refuse(closeCode: CloseCode, code: ErrorCode, reason: string): HelloEffect[] {
    this.#state = { name: 'done' };
    return [{ kind: 'refuse', closeCode, error: new MaculaError(code, reason, { details: { closeCode, by: 'local' } }) }];
  }
}

function helloOf(side: HelloSide): PeerHello {
  const { agent, capabilities, listen, observed: observedAddress, timeMs } = side;
  return { agent, capabilities, listen, observedAddress, ...(timeMs === undefined ? {} : { timeMs }) };
}

function readQuestion(flags: number, payload: Uint8Array, id: number): unknown {
  return readBody(flags === FrameFlag.request, payload, id);
}

function readAnswer(flags: number, payload: Uint8Array, id: number): unknown {
  return readBody(flags === FrameFlag.reply, payload, id);
}

function readBody(flagsFit: boolean, payload: Uint8Array, id: number): unknown {
  if (!flagsFit) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'message of HELLO with wrong flags');
  const correlated = decodeCorrelated(payload);
  if (correlated.id !== id) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'message of HELLO with a wrong correlation id');
  return correlated.body;
}
