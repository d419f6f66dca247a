import { z } from 'zod';

/** Fields that requests and responses of several subjects have in common. */

export const nodeId = z.string().regex(/^[0-9a-f]{64}$/).describe('64 lower-case hex characters');
export const addressText = z.string().describe('host:port');
export const milliseconds = z.number().nonnegative().describe('milliseconds');
export const count = z.number().int().nonnegative();
export const path = z.enum(['direct', 'relay']);
/** Longest wait one request may ask for: a day. */
export const timeoutMs = z.coerce.number().int().min(1).max(86_400_000).describe('milliseconds');
