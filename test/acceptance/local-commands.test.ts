import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash, cleanEnvironment, macula, onlyObject, packageRoot } from '../support/cli.js';

describe('commands that need no node', () => {
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-local-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('--version prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
    expect((await macula(['--version'])).stdout).to.equal(`macula ${version}\n`);
    expect(onlyObject(await macula(['--version', '--json']))).to.include({ version });
  });

  it('realm secret prints another secret of at least 128 bits each time', async () => {
    const secrets = await Promise.all([1, 2, 3].map(async () => onlyObject<{ secret: string }>(await macula(['realm', 'secret', '--json'])).secret));
    expect(new Set(secrets).size).to.equal(3);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).to.have.length.of.at.least(16);
  });

  it('config show names the origin of each value, flag before environment before file before default', async () => {
    const file = join(directory, 'config.json');
    writeFileSync(file, JSON.stringify({ quicPort: 1111, realm: 'from-file', maxPeers: 7 }));
    const env = { MACULA_CONFIG: file, MACULA_DATA_DIR: directory, MACULA_QUIC_PORT: '2222', MACULA_REALM: 'from-environment', MACULA_REALM_SECRET: 'a-secret-that-nobody-may-see-0123456789' };
    const result = await macula(['config', 'show', '--port', '3333', '--json'], { env });
    expect(result.code, result.stdout).to.equal(0);
    const { settings } = onlyObject<{ settings: Record<string, { value: string; origin: string }> }>(result);
    expect(settings.quicPort).to.include({ value: '3333', origin: 'flag' });
    expect(settings.realm).to.include({ value: 'from-environment', origin: 'environment' });
    expect(settings.maxPeers).to.include({ value: '7', origin: 'file' });
    expect(settings.host).to.include({ origin: 'default' });
    expect(settings.realmSecret!.value).to.equal('(set)');
    expect(result.stdout).not.to.include('a-secret');
  });

  it('warns once of a variable that was renamed', async () => {
    const { stdout, stderr } = await macula(['config', 'show'], { env: { GATEWAY_PORT: '5555', MACULA_DATA_DIR: directory } });
    expect(stdout).to.match(/quicPort +5555/);
    expect(stderr.match(/MACULA_QUIC_PORT/g)).to.have.length(1);
  });

  it('completes commands and flags in bash without starting a process', async () => {
    const complete = (words: string): string =>
      `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); PATH=; _macula; printf '%s ' "\${COMPREPLY[@]}"`;
    const load = 'source <(macula completion bash)';
    expect((await bash(`${load}; ${complete('macula pe')}`)).stdout).to.equal('peers ');
    expect((await bash(`${load}; ${complete('macula peers dis')}`)).stdout).to.equal('disconnect ');
    expect((await bash(`${load}; ${complete('macula peers ping abc --unt')}`)).stdout).to.equal('--until-direct ');
  });

  async function scriptFor(shell: string, test: Mocha.Context): Promise<string> {
    const { stdout, code } = await macula(['completion', shell]);
    expect(code).to.equal(0);
    expect(stdout).to.include('peers').and.to.include('until-direct');
    if (spawnSync(shell, ['--version']).error) test.skip();
    const file = join(directory, `completion.${shell}`);
    writeFileSync(file, stdout);
    return file;
  }

  it('completes commands and flags in fish', async function () {
    const file = await scriptFor('fish', this);
    const complete = (words: string): unknown => {
      const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', `source ${file}; complete -C "${words}"`], { encoding: 'utf8', env: cleanEnvironment({ HOME: directory }) });
      return [stdout.trimEnd().split('\n').map((line) => line.split('\t')[0]), stderr];
    };
    expect(complete('macula pe')).to.deep.equal([['peers'], '']);
    expect(complete('macula peers dis')).to.deep.equal([['disconnect'], '']);
    expect(complete('macula peers ping abc --unt')).to.deep.equal([['--until-direct'], '']);
  });

  it('is registered for completion in zsh', async function () {
    const file = await scriptFor('zsh', this);
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', `autoload -U compinit && compinit -u -D && source ${file} && print -r -- $_comps[macula]`], { encoding: 'utf8', env: cleanEnvironment({ HOME: directory }) });
    expect([stdout, stderr]).to.deep.equal(['_bash_complete -o default -F _macula\n', '']);
  });

  it('fails with 1 where its output cannot be written, with and without --json', async function () {
    if (process.platform !== 'linux') return this.skip();
    for (const flags of ['', ' --json']) {
      const { code, stderr } = await bash(`macula config show${flags} > /dev/full`, { env: { MACULA_DATA_DIR: directory } });
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Error: .*no space left on device.* \[MACULA_OUTPUT_FAILED\]\n {2}→ .*\n$/);
    }
  });

  it('ends quietly with 0 when its reader has seen enough', async () => {
    const { stdout, stderr, code } = await bash('macula config show | head -1; echo "${PIPESTATUS[0]}"', { env: { MACULA_DATA_DIR: directory } });
    expect(stdout).to.match(/^SETTING.*\n0\n$/);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
  });

  for (const [why, args, env] of [
    ['in a pipe', [], {}],
    ['with --no-color', ['--no-color'], { FORCE_COLOR: '1' }],
    ['with NO_COLOR', [], { NO_COLOR: '1', FORCE_COLOR: '1' }],
  ] as const) {
    it(`prints plain text ${why}`, async () => {
      for (const command of [[], ['--help'], ['peers', 'list', '--help'], ['peers', 'list']]) {
        const { stdout, stderr } = await macula([...command, ...args], { env: { ...env, MACULA_DATA_DIR: directory } });
        expect(stdout + stderr).not.to.match(/\u001b/);
      }
    });
  }

  it('never reads stdin unasked', async () => {
    const { code, stderr } = await bash('yes | macula peers ping');
    expect(code).to.equal(2);
    expect(stderr).to.include('missing 1 required arg');
  });
});
