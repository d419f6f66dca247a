// Runs a command and measures how much of src/lib the test processes cover: node scripts/coverage.mjs COMMAND...
// Files that hold only types have nothing to cover and are left out. Thresholds are in .c8rc.json.
import { transformSync } from 'esbuild';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, run } from './project.mjs';

function isTypesOnly(path) {
  return transformSync(readFileSync(path, 'utf8'), { loader: 'ts', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } } }).code.trim() === '';
}

const sources = readdirSync(join(root, 'src/lib'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name));
const excluded = sources.filter(isTypesOnly).map((path) => ['--exclude', relative(root, path)]);
const c8 = join(root, 'node_modules/c8/bin/c8.js');
process.exitCode = await run(process.execPath, [c8, ...excluded.flat(), ...process.argv.slice(2)]);
