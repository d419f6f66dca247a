import { natRules } from './nat-rules.js';

/** NATs of the lab for Docker: those whose rules are short. */
export const labKinds = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric-random', 'blocked'] as const;

/** The rules of a NAT as deploy/nat-lab has them: @WAN@ stands for the router's address outside. */
export function labRules(kind: (typeof labKinds)[number]): string {
  let depth = 0;
  const lines = natRules(kind, '@WAN@', {}).split('\n').map((line) => line.trim()).filter(Boolean);
  const indented = lines.map((line) => {
    if (line.startsWith('}')) depth -= 1;
    const text = `${'  '.repeat(depth)}${line}\n`;
    if (line.endsWith('{')) depth += 1;
    return text;
  });
  return indented.join('');
}
