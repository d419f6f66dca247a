import type { CountsByReason, NatCounts } from '../observability/metric-sources.js';
import type { NodeParts } from './node-parts.js';

/** Techniques and outcomes of punching that every node meets, with zeros before the first. */
const punchZeros: Readonly<Record<string, CountsByReason>> = Object.fromEntries(['simple', 'predict', 'birthday'].map((technique) => [technique, { direct: 0, failed: 0 }]));

/** What the node did about NATs, as metrics show it. */
export function natCounts({ nat, portMapper, puncher, relayClient }: NodeParts): NatCounts {
  const discovery = nat?.stats();
  const punching = puncher?.stats();
  const mapping = portMapper?.stats();
  const { measurements = 0, failedMeasurements = 0 } = discovery ?? {};
  const punches: Record<string, CountsByReason> = { ...punchZeros };
  for (const [technique, outcomes] of Object.entries(punching?.attempts ?? {})) punches[technique] = { ...punches[technique], ...(outcomes as CountsByReason) };
  const { natType = 'unknown', mapping: ownMapping = 'unknown', filtering = 'unknown' } = nat?.finding ?? {};
  return {
    natType,
    mapping: ownMapping,
    filtering,
    relays: relayClient?.relays().length ?? 0,
    stunRequests: { answered: discovery?.stun.answered ?? 0, refused: discovery?.stun.refused ?? 0, 'rate-limited': discovery?.stun.rateLimited ?? 0 },
    measurements: { done: Math.max(0, measurements - failedMeasurements), failed: failedMeasurements },
    portMapped: portMapper?.mapping !== undefined,
    portMappings: { granted: mapping?.granted ?? 0, failed: mapping?.failed ?? 0 },
    punches,
    punchProbes: punching?.probes ?? 0,
    upgrades: punching?.upgrades ?? 0,
    fallbacks: punching?.fallbacks ?? 0,
  };
}
