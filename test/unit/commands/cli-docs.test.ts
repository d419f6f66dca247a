import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandTable } from '../../../src/cli/command-table.js';
import { ExitCode } from '../../../src/lib/base/exit-codes.js';

const root = resolve(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/CLI.md'), 'utf8');
const ids = Object.keys(commandTable);

describe('docs/CLI.md and the command table', () => {
  it('the page lists every command and no other', () => {
    const listed = [...page.matchAll(/^\| `macula ([a-z ]+)` \|/gm)].map((match) => match[1]!);
    expect(listed).to.have.members(ids.map((id) => id.replaceAll(':', ' ')));
  });

  it('the page lists every exit code and no other', () => {
    const listed = [...page.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
    expect(listed).to.deep.equal(Object.values(ExitCode));
  });

  it('the table holds every file of src/commands', () => {
    const files = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    expect(ids).to.have.members(files.map((file) => file.replace(/\.ts$/, '').replaceAll('\\', '/').replaceAll('/', ':')));
  });

  for (const id of ids) {
    it(`${id.replace(':', ' ')} has a summary, a described flag each, and an example that begins with its name`, async () => {
      const { default: command } = (await commandTable[id]!()) as unknown as { default: CommandStatics };
      expect(command.summary).to.match(/^[A-Z].*[^.]$/);
      const written = command.examples.map((example) => example.command);
      expect(written.some((line) => line.includes('<%= config.bin %> <%= command.id %>'))).to.equal(true);
      for (const [name, flag] of Object.entries({ ...command.baseFlags, ...command.flags })) expect(flag.description, name).to.match(/\S/);
    });
  }
});

interface CommandStatics {
  readonly summary: string;
  readonly examples: readonly { readonly command: string }[];
  readonly flags: Readonly<Record<string, { readonly description?: string }>>;
  readonly baseFlags: Readonly<Record<string, { readonly description?: string }>>;
}
