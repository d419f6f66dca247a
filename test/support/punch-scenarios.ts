import type { NatLab } from './nat-lab.js';
import type { NodeWanted } from './punch-lab.js';

/** Two nodes in circumstances of their own. */
export interface PunchScenario {
  readonly name: string;
  /** Whether packets come to take a direct path. */
  readonly direct: boolean;
  /** One of the few that every run of the tests shows; the others are measured only. */
  readonly tested?: boolean;
  readonly sides: (lab: NatLab) => readonly [Omit<NodeWanted, 'name'>, Omit<NodeWanted, 'name'>];
}

/** A cable to the Internet with half of what there is to be between two nodes: 50 ms and 2 % loss one way. */
const badLink = { delayMs: 25, loss: 0.01 };

/** What the matrix of kinds does not show. */
export const punchScenarios: readonly PunchScenario[] = [
  { name: 'both behind one port-restricted NAT', direct: true, tested: true, sides: (lab) => behindOne(lab, false) },
  { name: 'both behind one full-cone NAT with hairpin', direct: true, sides: (lab) => behindOne(lab, true) },
  {
    name: 'double NAT (port-restricted behind port-restricted) with port-restricted', direct: true,
    sides: () => [{ kind: 'port-restricted', carrier: 'port-restricted' }, { kind: 'port-restricted' }],
  },
  {
    name: 'double NAT on both sides', direct: true,
    sides: () => [{ kind: 'port-restricted', carrier: 'port-restricted' }, { kind: 'full-cone', carrier: 'port-restricted' }],
  },
  {
    name: 'double NAT (behind a carrier with random ports) with port-restricted', direct: true, tested: true,
    sides: () => [{ kind: 'port-restricted', carrier: 'symmetric-random' }, { kind: 'port-restricted' }],
  },
  {
    name: 'routers that give peers that come too early another port', direct: true, tested: true,
    // Without any delay one side's packet is always too early.
    sides: () => [{ kind: 'port-restricted', openInput: true, link: { delayMs: 10 } }, { kind: 'port-restricted', openInput: true, link: { delayMs: 10 } }],
  },
  { name: '50 ms one way and 2 % loss, port-restricted', direct: true, sides: () => [{ kind: 'port-restricted', link: badLink }, { kind: 'port-restricted', link: badLink }] },
  {
    name: '50 ms one way and 2 % loss, sequential with port-restricted', direct: true, tested: true,
    sides: () => [{ kind: 'symmetric-sequential', link: badLink }, { kind: 'port-restricted', link: badLink }],
  },
  { name: '50 ms one way and 2 % loss, random ports on both sides', direct: false, sides: () => [{ kind: 'symmetric-random', link: badLink }, { kind: 'symmetric-random', link: badLink }] },
];

function behindOne(lab: NatLab, hairpin: boolean): [Omit<NodeWanted, 'name'>, Omit<NodeWanted, 'name'>] {
  const kind = hairpin ? 'full-cone' : 'port-restricted';
  const behind = lab.router(kind, { hairpin });
  return [{ kind, behind }, { kind, behind, port: 4434 }];
}
