import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { cleanEnvironment, finished, macula, packageRoot, type CliResult } from '../support/cli.js';
import { codeBlocks, type CodeBlock } from '../support/markdown-blocks.js';
import { hasTool } from '../support/system-tool.js';

const pages = ['README.md', 'SECURITY.md', ...readdirSync(join(packageRoot, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
const blocks = pages.flatMap(codeBlocks);
const where = ({ page, line }: CodeBlock): string => `${page}:${line}`;

/** Sections whose lines another test runs; it has to read them from the page. */
const runElsewhere: Record<string, string> = {
  'README.md#A tour in five minutes': 'test/acceptance/tour.test.ts',
  'docs/PUBSUB.md#From any language': 'test/acceptance/pubsub.test.ts',
  'docs/RPC.md#From any language': 'test/acceptance/rpc.test.ts',
};
const elsewhere = ({ page, heading }: CodeBlock): string | undefined => runElsewhere[`${page}#${heading}`];
const isShell = ({ language }: CodeBlock): boolean => ['sh', 'bash'].includes(language);
const isProgram = ({ language }: CodeBlock): boolean => ['ts', 'js'].includes(language);
const runs = (block: CodeBlock): boolean => block.notRun === undefined && elsewhere(block) === undefined;
/** A program that can run by itself imports what it uses; others are pieces, with a node and another at hand. */
const isWhole = ({ text }: CodeBlock): boolean => /^import .* from 'macula';$/m.test(text);

describe('code blocks of the documentation', () => {
  it('are of a kind that is known here, and say why where they are not run', () => {
    for (const block of blocks) {
      expect(['sh', 'bash', 'ts', 'js', 'json', 'yaml', 'mermaid', 'text'], where(block)).to.include(block.language);
      if (block.notRun !== undefined) expect(block.notRun, where(block)).to.match(/\w+ \w+/);
    }
  });

  it('are run by the test that is said to run them', () => {
    for (const [section, file] of Object.entries(runElsewhere)) {
      const [page, heading] = section.split('#') as [string, string];
      expect(blocks.some((block) => block.page === page && block.heading === heading), section).to.equal(true);
      const test = readFileSync(join(packageRoot, file), 'utf8');
      expect(test, file).to.include(page.replace('docs/', '')).and.to.include(heading);
    }
  });

  it('are data where they say so', () => {
    for (const { language, text } of blocks) {
      if (language === 'json') JSON.parse(text);
      if (language === 'yaml') parseYaml(text);
    }
  });
});

describe('shell lines of the documentation', function () {
  this.timeout(120_000);
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-docs-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs lines in an empty directory, where `macula` is the built command line and takes ports that are free. */
  async function runLines(name: string, lines: string): Promise<CliResult> {
    const cwd = join(directory, name);
    mkdirSync(join(cwd, 'bin'), { recursive: true });
    symlinkSync(join(packageRoot, 'bin/macula.js'), join(cwd, 'bin/macula'));
    const env = { HOME: join(cwd, 'home'), PATH: `${join(cwd, 'bin')}:${process.env.PATH}`, MACULA_DATA_DIR: join(cwd, 'data'), MACULA_QUIC_PORT: '0', MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false' };
    try {
      return await finished(spawn('bash', ['-euo', 'pipefail', '-c', lines], { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] }), 60_000);
    } finally {
      const nodes = readdirSync(cwd, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('node.pid'));
      for (const path of nodes) await macula(['node', 'stop', '--data-dir', join(cwd, path, '..')], { env });
    }
  }

  for (const page of pages) {
    const lines = blocks.filter((block) => block.page === page && isShell(block) && runs(block)).map(({ text }) => text).join('');
    if (lines === '') continue;
    it(`of ${page} work as printed, one after another`, async function () {
      if (['jq', 'curl', 'openssl'].some((tool) => lines.includes(tool) && !hasTool(tool))) return this.skip();
      const { code, stdout, stderr } = await runLines(page.replaceAll('/', '-'), lines);
      expect(code, `${stdout}\n${stderr}`).to.equal(0);
      expect(stdout, 'no answer of the control socket is an error').not.to.include('{"schemaVersion":1,"error"');
    });
  }
});

describe('programs of the documentation', function () {
  this.timeout(120_000);
  const programs = blocks.filter(isProgram);
  let directory: string;
  const fileOf = (block: CodeBlock): string => join(directory, `${block.page.replaceAll(/\W/g, '-')}-${block.line}.${block.language === 'ts' ? 'ts' : 'mjs'}`);

  before(() => {
    // Inside of the package, where its own name leads to what was built.
    directory = realpathSync(mkdtempSync(join(packageRoot, '.stamp/docs-')));
    const nodes = "import type { MaculaNode as Node } from 'macula';\ndeclare const node: Node;\ndeclare const other: Node;\n";
    for (const block of programs) writeFileSync(fileOf(block), isWhole(block) || block.language === 'js' ? block.text : `${nodes}{\n${block.text.replace(/^import .*$/gm, '')}}\n${(block.text.match(/^import .*$/gm) ?? []).join('\n')}\nexport {};\n`);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('compile', async () => {
    const tsc = resolve(packageRoot, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--skipLibCheck'];
    const { code, stdout } = await finished(spawn(process.execPath, [tsc, ...options, ...programs.filter(({ language }) => language === 'ts').map(fileOf)], { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] }), 60_000);
    expect(code, stdout).to.equal(0);
    for (const block of programs.filter(({ language }) => language === 'js')) {
      const checked = await finished(spawn(process.execPath, ['--check', fileOf(block)], { stdio: ['ignore', 'pipe', 'pipe'] }));
      expect(checked.code, `${where(block)}: ${checked.stderr}`).to.equal(0);
    }
  });

  for (const block of programs.filter((each) => isWhole(each) && runs(each))) {
    it(`the program at ${where(block)} runs to its end`, async () => {
      const cwd = mkdtempSync(join(directory, 'run-'));
      const { code, stderr } = await finished(spawn(process.execPath, ['--import', 'tsx', fileOf(block)], { cwd, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] }), 60_000);
      expect(code, stderr).to.equal(0);
    });
  }
});
