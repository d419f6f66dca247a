import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { NatKind } from '../support/nat-lab.js';
import { labObstacle } from '../support/network-lab.js';
import { PunchLab, type LabNode, type Meeting } from '../support/punch-lab.js';
import { punchScenarios } from '../support/punch-scenarios.js';

// npm run test:nat:matrix: lets nodes behind every ordered pair of NATs meet, and writes what came of it into docs/NAT.md.

const kinds: readonly NatKind[] = ['none', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric-sequential', 'symmetric-random'];
const page = resolve(import.meta.dirname, '../../docs/NAT.md');
const [begin, end] = ['<!-- measured: matrix -->', '<!-- /measured: matrix -->'];

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, write: { type: 'boolean', default: true }, only: { type: 'string', default: 'matrix,scenarios' } }, allowNegative: true });
const runs = Number(values.runs);
const only = new Set(values.only.split(','));
const obstacle = labObstacle('conntrack');
if (obstacle !== undefined || !(runs >= 1)) {
  process.stderr.write(`${obstacle ?? '--runs is a number from 1'}\n`);
  process.exit(obstacle ? 69 : 64);
}

interface Result {
  readonly name: string;
  readonly meetings: Meeting[];
  readonly failures: string[];
}

/** Lets two nodes meet again and again. */
async function measured(lab: PunchLab, name: string, from: LabNode, to: LabNode): Promise<Result> {
  const result: Result = { name, meetings: [], failures: [] };
  for (let run = 0; run < runs; run++) {
    try {
      result.meetings.push(await lab.meet(from, to));
    } catch (error) {
      result.failures.push((error as Error).message);
      process.stderr.write(`${name}: ${(error as Error).message}\n`);
    }
  }
  await lab.part(from, to);
  process.stderr.write(`${row(result)}\n`);
  return result;
}

async function matrix(lab: PunchLab): Promise<Result[]> {
  await lab.start();
  const nodes = await lab.nodes(['a', 'b'].flatMap((side) => kinds.map((kind) => ({ name: `${side} ${kind}`, kind }))));
  const results: Result[] = [];
  for (const from of nodes.slice(0, kinds.length)) {
    for (const to of nodes.slice(kinds.length)) results.push(await measured(lab, `${from.kind} → ${to.kind}`, from, to));
  }
  return results;
}

async function scenarios(lab: PunchLab): Promise<Result[]> {
  await lab.start();
  const results: Result[] = [];
  for (const [index, { name, sides }] of punchScenarios.entries()) {
    const [a, b] = await lab.nodes(sides(lab.lab).map((side, number) => ({ ...side, name: `${index}-${number}` })));
    results.push(await measured(lab, name, a!, b!));
    await lab.end(a!, b!);
  }
  return results;
}

async function inLab(run: (lab: PunchLab) => Promise<Result[]>): Promise<Result[]> {
  const lab = new PunchLab();
  try {
    return await run(lab);
  } finally {
    await lab.close();
  }
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const sorted = [...values].sort((a, b) => a - b).map(Math.round);
  return `${sorted[Math.floor((sorted.length - 1) / 2)]} (${sorted[0]}–${sorted.at(-1)})`;
}

function row({ name, meetings, failures }: Result): string {
  const direct = meetings.flatMap(({ directMs }) => directMs ?? []);
  // How long from both sides knowing where to probe until the direct path was in use, where it took an attempt.
  const punching = meetings.flatMap(({ attempts }) => attempts.flatMap(({ outcome, punchingMs }) => (outcome === 'direct' ? (punchingMs ?? []) : [])));
  const techniques = [...new Set(meetings.flatMap(({ attempts }) => attempts.flatMap(({ technique }) => technique ?? [])))].join(', ');
  const path = direct.length === meetings.length ? 'direct' : direct.length === 0 ? 'relay' : 'both';
  const share = `${direct.length} of ${meetings.length + failures.length}`;
  return `| ${name} | ${path} | ${share} | ${meetings.length} | ${spread(meetings.map(({ firstByteMs }) => firstByteMs))} | ${spread(direct)} | ${spread(punching)} | ${techniques || 'none needed'} |`;
}

function table(heading: string, results: readonly Result[]): string {
  return [
    `| ${heading} | path | runs direct | runs connected | first answer, ms | direct, ms | of it probing, ms | attempts |`,
    '|---|---|---|---|---|---|---|---|', ...results.map(row),
  ].join('\n');
}

const sections: string[] = [];
if (only.has('matrix')) sections.push(table('A → B', await inLab(matrix)));
if (only.has('scenarios')) sections.push(table('circumstances', await inLab(scenarios)));
const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
const date = new Date().toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
const text = `${begin}\nMeasured on ${date} by \`npm run test:nat:matrix -- --runs ${runs}\`: Macula ${version}, Node ${process.versions.node}, Linux ${release()}. Median (least–most).\n\n${sections.join('\n\n')}\n${end}`;
if (values.write) {
  const before = readFileSync(page, 'utf8');
  const [first, last] = [before.indexOf(begin), before.indexOf(end)];
  if (first === -1 || last === -1) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, before.slice(0, first) + text + before.slice(last + end.length));
} else process.stdout.write(`${text}\n`);
