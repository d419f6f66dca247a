import { z } from 'zod';
import { natBehaviour, natType, peerReference, portMapping } from './protocol.js';
import { addressText, count, milliseconds, nodeId, path } from './protocol-fields.js';

/** Requests and responses of the control socket about NATs; the rules are those of protocol.ts. */

export const natProbeRequest = z.object({
  stun: z.array(z.string().min(1).max(300)).max(16).default([]).describe('STUN servers to ask instead of other nodes, host:port'),
});
export type NatProbeRequest = z.input<typeof natProbeRequest>;

export const natProbeResult = z.object({
  natType,
  mapping: natBehaviour,
  filtering: natBehaviour,
  portAllocation: z.enum(['preserving', 'fixed', 'sequential', 'random', 'unknown']).describe('Which outer port a new mapping gets'),
  portDelta: z.number().int().nullable().describe('Between one mapping and the next where ports are sequential'),
  publicAddress: addressText.nullable(),
  localAddress: addressText.nullable(),
  portPreserving: z.boolean().nullable(),
  hairpin: z.boolean().nullable(),
  portMapping: portMapping.nullable(),
  servers: z.array(z.object({ address: addressText, mapped: addressText.nullable(), rttMs: milliseconds.nullable() })),
  advice: z.string(),
});
export type NatProbeResult = z.infer<typeof natProbeResult>;

export const peerWhyRequest = z.object({ nodeId: peerReference });
export type PeerWhyRequest = z.infer<typeof peerWhyRequest>;

const natOfSide = z.object({ type: natType, mapping: natBehaviour, filtering: natBehaviour, ports: z.enum(['preserved', 'sequential', 'random', 'unknown']).describe('How it chooses the outer port of a new mapping') });

export const peerWhyResult = z.object({
  nodeId,
  path: path.nullable().describe('null while not connected'),
  relay: nodeId.nullable().describe('The relay in between; null on a direct path'),
  ownNat: natOfSide,
  peerNat: natOfSide.nullable().describe('As the peer said in the last attempt at a direct path; null where there was none'),
  paths: z.array(z.object({ path, via: z.string().describe('Address, or the relay'), state: z.enum(['candidate', 'usable', 'failed']), selected: z.boolean(), rttMs: milliseconds.nullable() })),
  candidates: z
    .array(z.object({ side: z.enum(['own', 'peer']), kind: z.enum(['local', 'mapped', 'observed', 'predicted']), address: addressText, result: z.enum(['usable', 'failed', 'no-answer']).nullable().describe('null for those of this node, which the peer tries') }))
    .describe('Of the last attempt'),
  attempts: z
    .array(
      z.object({
        secondsAgo: z.number().nonnegative(),
        role: z.enum(['initiator', 'responder']),
        technique: z.enum(['simple', 'predict', 'birthday', 'relay']).nullable().describe('null where the peer was not heard'),
        outcome: z.enum(['direct', 'failed', 'unanswered', 'busy', 'rate-limited', 'off', 'overtaken', 'unverified']),
        probes: count,
        durationMs: milliseconds.describe('From the offer on'),
        punchingMs: milliseconds.nullable().describe('From when both sides knew the candidates; null where it did not get that far'),
      }),
    )
    .describe('The last attempts at a direct path, oldest first'),
  nextAttemptMs: milliseconds.nullable(),
  advice: z.string(),
});
export type PeerWhyResult = z.infer<typeof peerWhyResult>;
