import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment, finished, packageRoot } from '../support/cli.js';
import { hasTool } from '../support/system-tool.js';

/** Longer than the whole library takes to be read on a busy machine. */
const limitMs = 150_000;

describe('the API reference', function () {
  this.timeout(2 * limitMs);
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-api-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The page as a browser shows it where there is one, otherwise as it is written. */
  function shown(file: string): string {
    const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(hasTool);
    if (browser === undefined) return readFileSync(file, 'utf8');
    const { stdout, status } = spawnSync(browser, ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(directory, 'browser')}`, '--dump-dom', `file://${file}`], { encoding: 'utf8', timeout: 60_000, maxBuffer: 2 ** 26 });
    expect(status).to.equal(0);
    return stdout;
  }

  it('is made without a warning, and has everything that a program can import', async () => {
    const out = join(directory, 'reference');
    const typedoc = join(packageRoot, 'node_modules/typedoc/bin/typedoc');
    const { code, stdout, stderr } = await finished(spawn(process.execPath, [typedoc, '--out', out], { cwd: packageRoot, env: cleanEnvironment({ NO_COLOR: '1' }), stdio: ['ignore', 'pipe', 'pipe'] }), limitMs);
    expect(code, `${stdout}\n${stderr}`).to.equal(0);
    const pages = new Set(readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('/')).map((path) => path.replace(/^.*\/|\.html$/g, '')));
    const index = readFileSync(join(packageRoot, 'src/lib/index.ts'), 'utf8');
    const names = [...index.matchAll(/^export (?:type )?\{ (.*) \} from/gm)].flatMap(([, list]) => list!.split(', ').map((name) => name.replace(/^type /, '')));
    expect(names).to.include('MaculaNode').and.to.have.length.above(50);
    for (const name of names) expect(pages.has(name), name).to.equal(true);
    const page = shown(join(out, 'classes/MaculaNode.html'));
    for (const member of ['start', 'stop', 'peers', 'dht', 'rpc', 'pubsub', 'nodeId']) expect(page, member).to.match(new RegExp(`id="${member}"`, 'i'));
    expect(page).to.include('Takes the data directory, loads or makes the identity');
    expect(existsSync(join(out, 'index.html'))).to.equal(true);
  });
});
