import { formatAddress, type SocketAddress } from '../base/address.js';
import { addressOf, bytesOf, integerOf, malformed, tupleOf } from './fields.js';

const transactionBytes = 12;

/** From where a probe is to be sent: nowhere, another port of the node asked, or another node it chooses. */
const senders = ['none', 'port', 'node'] as const;
export type NatProbeSender = (typeof senders)[number];

/** Asks a node to have a STUN response sent, so that the asking node sees what its NAT lets in. */
export interface NatProbe {
  readonly sender: NatProbeSender;
  /** STUN transaction id of the response: 24 hex digits. */
  readonly transactionId: string;
  /** Where to; its host must be that of the asking node. */
  readonly target: SocketAddress;
}

/** Asks a node to send such a response for another one. */
export type NatProbeVia = Omit<NatProbe, 'sender'>;

export interface NatProbeReply {
  /** Whether the response was sent. */
  readonly sent: boolean;
  /** Another port on which the node asked answers STUN for a while; 0: none. */
  readonly otherPort: number;
}

/** Body of NAT_PROBE. */
export function natProbeBody({ sender, transactionId, target }: NatProbe): unknown {
  return [senders.indexOf(sender), Buffer.from(transactionId, 'hex'), formatAddress(target)];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readNatProbe(body: unknown): NatProbe {
  const message = 'NAT_PROBE';
  const [sender, transaction, target] = tupleOf(message, body, 3);
  return { sender: senders[integerOf(message, 'sender', sender, 0, senders.length - 1)]!, ...readTarget(message, transaction, target) };
}

/** Body of NAT_PROBE_VIA. */
export function natProbeViaBody({ transactionId, target }: NatProbeVia): unknown {
  return [Buffer.from(transactionId, 'hex'), formatAddress(target)];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readNatProbeVia(body: unknown): NatProbeVia {
  const [transaction, target] = tupleOf('NAT_PROBE_VIA', body, 2);
  return readTarget('NAT_PROBE_VIA', transaction, target);
}

function readTarget(message: string, transaction: unknown, target: unknown): NatProbeVia {
  return {
    transactionId: Buffer.from(bytesOf(message, 'transaction', transaction, transactionBytes)).toString('hex'),
    target: addressOf(message, 'target', target),
  };
}

/** Body of NAT_PROBE_REPLY, which answers both. */
export function natProbeReplyBody({ sent, otherPort }: NatProbeReply): unknown {
  return [sent, otherPort];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readNatProbeReply(body: unknown): NatProbeReply {
  const message = 'NAT_PROBE_REPLY';
  const [sent, otherPort] = tupleOf(message, body, 2);
  if (typeof sent !== 'boolean') throw malformed(message, 'sent is not true or false');
  return { sent, otherPort: integerOf(message, 'other port', otherPort, 0, 65_535) };
}
