// Builds dist/: the command line as bundles with shared chunks, the library file by file with declarations, and
// oclif's manifest. Everything is made in a directory of its own and put in place once it is whole.
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';
import { copyFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root, run } from './project.mjs';

/**
 * Everything else is bundled: read from a few files it costs a third of what its hundreds of files do. Native bindings find
 * their files beside themselves, x509 is loaded on the first start only, and oclif looks for a compiler only in development.
 */
const external = ['react-devtools-core', 'lmdb', '@matrixai/quic', '@peculiar/x509', 'reflect-metadata', 'typescript', 'ts-node', 'tsx'];

function commandSources() {
  const files = readdirSync(join(root, 'src/commands'), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile() && file.name.endsWith('.ts')).map((file) => join(file.parentPath, file.name));
}

/** Commands that load much; each is a bundle apart, so that the others, in one with main.ts, start quickly. */
const heavyCommands = /\/commands\/((doctor|top|node\/start|config\/show|migrate\/check|nat\/probe|cert\/(init|show))\.js)$/;

const heavyCommandsApart = {
  name: 'heavy-commands-apart',
  setup({ onResolve }) {
    onResolve({ filter: heavyCommands }, ({ path }) => ({ path: `../commands/${heavyCommands.exec(path)[1]}`, external: true }));
  },
};

const onlyStartLoadsNode = {
  name: 'only-start-loads-the-node',
  setup({ onResolve }) {
    onResolve({ filter: /\/lib\/node\/run-node\.js$/ }, ({ importer, kind }) => {
      if (kind === 'dynamic-import' && importer === join(root, 'src/commands/node/start.ts')) return undefined;
      return { errors: [{ text: 'only `node start` may load the node, and only when it runs' }] };
    });
  },
};

/**
 * Makes oclif load each of its files and dependencies at first use rather than all of them at start (60 % of the start
 * otherwise). Its compiled files have the form `const name_1 = require("…")`.
 */
const requireAtFirstUse = {
  name: 'require-at-first-use',
  setup({ onLoad }) {
    onLoad({ filter: /\/@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, 'utf8');
      const names = [];
      contents = contents.replace(/^const (\w+_\d+) = ((?:\w+\()?require\("[^"]+"\)\)?);$/gm, (_, name, expression) => {
        names.push(name);
        return `let ${name}$module; const ${name}$get = () => (${name}$module ??= ${expression});`;
      });
      for (const name of names) contents = contents.replace(new RegExp(`\\b${name}\\b(?!\\$)`, 'g'), `(${name}$get())`);
      return { contents, loader: 'js' };
    });
  },
};

async function bundleCommandLine(directory) {
  const shared = {
    absWorkingDir: root,
    outbase: 'src',
    outdir: directory,
    bundle: true,
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'linked',
    external,
    logLevel: 'warning',
  };
  // oclif is CommonJS, for which ES modules have no require.
  const banner = {
    js: 'import{createRequire as createRequireForBundle}from"node:module";const require=createRequireForBundle(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;',
  };
  // As deep as src/lib/node: from there package.json is found.
  const chunks = { splitting: true, chunkNames: 'chunks/shared/[name]-[hash]', banner };
  await Promise.all([
    build({ ...shared, entryPoints: ['src/cli/main.ts'], format: 'cjs', minifyIdentifiers: true, outExtension: { '.js': '.cjs' }, plugins: [heavyCommandsApart, requireAtFirstUse] }),
    // React and what builds on it hold code for development that nobody needs here.
    build({ ...shared, entryPoints: commandSources(), format: 'esm', define: { 'process.env.NODE_ENV': '"production"' }, ...chunks, plugins: [onlyStartLoadsNode, requireAtFirstUse] }),
  ]);
  const main = join(directory, 'cli/main.cjs');
  writeFileSync(main, readFileSync(main, 'utf8').replaceAll('import("../commands/', 'require("./loader.cjs").importModule("../commands/'));
  copyFileSync(join(root, 'scripts/loader.cjs'), join(directory, 'cli/loader.cjs'));
}

/** Runs a client command once and keeps what V8 compiled for it. */
async function recordCodeCache() {
  const program = `require('./dist/cli/loader.cjs').load(true).main(['peers', 'list', '--socket', './no-such-socket'], ${JSON.stringify(root)})`;
  await run(process.execPath, ['-e', program], { stdio: 'ignore' });
}

async function compileLibrary(directory) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const code = await run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', join(directory, 'lib')]);
  if (code !== 0) throw new Error('the library does not compile');
}

function putInPlace(directory) {
  const target = join(root, 'dist');
  const old = `${directory}.old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(directory, target);
  rmSync(old, { recursive: true, force: true });
}

async function writeManifest() {
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true });
  await plugin.load();
  const file = join(root, 'oclif.manifest.json');
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(plugin.manifest));
  renameSync(`${file}.${process.pid}`, file);
}

process.env.NODE_ENV = 'production';
const directory = join(root, `dist.${process.pid}`);
try {
  await Promise.all([bundleCommandLine(directory), compileLibrary(directory)]);
  putInPlace(directory);
  await Promise.all([writeManifest(), recordCodeCache()]);
} catch (error) {
  process.stderr.write(`build failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
