import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';

/** One line of a benchmark's table. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What it is compared with, e.g. `3.0 × raw UDP`. */
  readonly ratio?: string;
  /** The goal of PERFORMANCE, where there is one, and whether this run met it. */
  readonly target?: string;
  readonly met?: boolean;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/**
 * Runs each case once per round, in turn (A B A B …), because machines drift, and gives the median of each case's results.
 * @param cases each returns one measurement
 */
export async function interleave<Name extends string>(rounds: number, cases: Record<Name, () => Promise<number>>): Promise<Record<Name, number>> {
  const results = Object.fromEntries(Object.keys(cases).map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(cases) as Name[]) results[name].push(await cases[name]());
  }
  return Object.fromEntries((Object.keys(cases) as Name[]).map((name) => [name, median(results[name])])) as Record<Name, number>;
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

/** Prints the table of a benchmark as Markdown and writes it as JSON to `bench-results/<name>.json`. */
export async function report(name: string, rows: readonly Row[]): Promise<void> {
  console.log(`\n### ${name}\n\n| what | result | ratio | target | met |\n|---|---|---|---|---|`);
  for (const row of rows) {
    const met = row.met === undefined ? '' : row.met ? 'yes' : 'no';
    console.log(`| ${row.what} | ${number(row.value)} ${row.unit} | ${row.ratio ?? ''} | ${row.target ?? ''} | ${met} |`);
  }
  const directory = resolve(import.meta.dirname, '../../bench-results');
  await mkdir(directory, { recursive: true });
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
  await writeFile(join(directory, `${name}.json`), `${JSON.stringify({ name, date: new Date().toISOString(), machine, rows }, null, 2)}\n`);
}
