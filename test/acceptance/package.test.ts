import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { manifestCommands, packageRoot } from '../support/cli.js';

interface Packed {
  files: { path: string; mode: number }[];
}

describe('the published package', () => {
  let paths: string[];
  let modes: Map<string, number>;
  before(() => {
    const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: packageRoot, encoding: 'utf8' });
    const [{ files }] = JSON.parse(packed.stdout) as [Packed];
    paths = files.map(({ path }) => path);
    modes = new Map(files.map(({ path, mode }) => [path, mode]));
  });

  it('holds the command line, the library with its types, the manifest and the documentation', () => {
    expect(paths).to.include.members(['bin/macula.js', 'bin/package.json', 'dist/cli/loader.cjs', 'dist/cli/main.cjs', 'dist/cli/main.cache', 'dist/lib/index.js', 'dist/lib/index.d.ts', 'oclif.manifest.json', 'docs/CLI.md', 'LICENSE']);
    expect(modes.get('bin/macula.js')! & 0o111).not.to.equal(0);
  });

  it('holds every command and every chunk the command line loads', () => {
    for (const { id } of manifestCommands()) expect(paths).to.include(`dist/commands/${id.replaceAll(':', '/')}.js`);
  });

  it('holds no sources, tests or tools', () => {
    const foreign = paths.filter((path) => !/^(bin|deploy|dist|docs)\/|^(package\.json|oclif\.manifest\.json|LICENSE|[A-Z]+\.md)$/.test(path));
    expect(foreign).to.deep.equal([]);
  });

  it('holds the files package.json points to', () => {
    for (const path of ['dist/lib/index.js', 'dist/lib/index.d.ts', 'bin/macula.js']) expect(existsSync(join(packageRoot, path)), path).to.equal(true);
  });
});
