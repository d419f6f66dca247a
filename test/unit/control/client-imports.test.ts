import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { build } from 'esbuild';

/** Packages that end up in a bundle of one source file. */
async function packagesOf(source: string): Promise<string[]> {
  const entry = fileURLToPath(new URL(`../../../src/lib/${source}`, import.meta.url));
  const result = await build({ entryPoints: [entry], bundle: true, write: false, metafile: true, platform: 'node', format: 'esm', logLevel: 'silent' });
  const names = Object.keys(result.metafile.inputs).map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

describe('what client commands import', () => {
  for (const source of ['control/client.ts', 'control/wait-condition.ts', 'config/client-location.ts', 'config/system-sources.ts']) {
    it(`${source} loads no package at all`, async () => expect(await packagesOf(source)).to.deep.equal([]));
  }

  it('and the schema does load zod, so that this test would notice', async () => expect(await packagesOf('config/schema.ts')).to.include('zod'));
});
