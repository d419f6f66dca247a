// Installs and builds what is missing or out of date. Imports nothing that is not in Node.
import { pathToFileURL } from 'node:url';
import { hashOf, isCurrent, markCurrent, mustRun, progress, root, withLock } from './project.mjs';

const oldestNode = [20, 19];
const sources = ['src', 'bin', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  progress(`Macula needs Node.js ${oldestNode.join('.')} or newer; this is ${process.versions.node}`);
  process.exit(1);
}

async function install() {
  const hash = hashOf(['package-lock.json']);
  if (isCurrent('install', hash, ['node_modules'])) return;
  progress('installing dependencies (npm ci)');
  // No dependency needs its install script: native parts come as prebuilt packages.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  await mustRun(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { shell: process.platform === 'win32' });
  markCurrent('install', hash);
}

async function build() {
  const hash = hashOf(sources);
  if (isCurrent('build', hash, ['dist/cli/main.cjs', 'dist/cli/main.cache', 'dist/lib/index.js', 'oclif.manifest.json'])) return;
  progress('building');
  await mustRun(process.execPath, [`${root}/scripts/build.mjs`]);
  markCurrent('build', hash);
}

/** Makes the clone ready to run: dependencies as the lock file says, `dist/` as the sources say. */
export async function prepare() {
  checkNode();
  await withLock(async () => {
    await install();
    await build();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await prepare();
