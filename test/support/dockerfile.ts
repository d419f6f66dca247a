import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** Stages of a Dockerfile, each with its instructions; `FROM` is the first of each. */
export function dockerStages(path: string): Instruction[][] {
  const text = readFileSync(path, 'utf8').replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  const stages: Instruction[][] = [[]];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, name, value] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    stages.at(-1)!.push({ name: name!, value: value! });
  }
  return stages.slice(1);
}

/** The values of all instructions of one name. */
export function valuesOf(stage: readonly Instruction[], name: string): string[] {
  return stage.filter((each) => each.name === name).map(({ value }) => value);
}
