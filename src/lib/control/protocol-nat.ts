import { z } from 'zod';
import { natBehaviour, natType, portMapping } from './protocol.js';
import { addressText, milliseconds } from './protocol-fields.js';

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
