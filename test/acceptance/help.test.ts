import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash, exampleLine, macula, manifestCommands, onlyObject } from '../support/cli.js';

const commands = manifestCommands();

describe('help', () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'macula-help-'));
    mkdirSync(join(home, '.config/fish/completions'), { recursive: true });
    writeFileSync(join(home, 'docker-compose.yml'), 'services: {node: {image: macula, volumes: ["data:/var/lib/macula"]}}\n');
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  it('says what to do first when macula is called alone', async () => {
    const { code, stdout } = await macula([]);
    expect(code).to.equal(0);
    expect(stdout).to.include('macula node start').and.to.include('macula peers list');
  });

  it('lists every command with --help', async () => {
    const { code, stdout } = await macula(['--help']);
    expect(code).to.equal(0);
    for (const topic of new Set(commands.map(({ id }) => id.split(':')[0]!))) expect(stdout).to.include(topic);
  });

  it('describes every command as JSON', async () => {
    const { commands: described } = onlyObject<{ commands: { command: string }[] }>(await macula(['help', '--json']));
    expect(described.map(({ command }) => command)).to.have.members(commands.map(({ id }) => id.replaceAll(':', ' ')));
  });

  for (const command of commands) {
    const words = command.id.split(':');
    const lines = (command.examples ?? []).map((example) => exampleLine(command, example));

    it(`${words.join(' ')} shows its summary, an example and the global flags`, async () => {
      const { code, stdout } = await macula([...words, '--help']);
      expect(code).to.equal(0);
      // Long lines are broken as a shell would let them be.
      const flat = stdout.replace(/\\\n/g, ' ').replace(/\s+/g, ' ');
      expect(command.summary).to.be.a('string').with.length.above(0);
      expect(flat).to.include(command.summary!);
      expect(lines).to.have.length.above(0);
      for (const line of lines) expect(flat).to.include(line);
      expect(stdout).to.include('--json').and.to.include('--no-color');
    });

    // Those that start a node, or wait a minute for one, are run by node.test.ts; STUN servers are asked in test/nat.
    for (const line of lines.filter((each) => !/^macula node start|--timeout 1m$|--stun /.test(each))) {
      const needsNode = command.needsNode || line.includes('--running');
      it(`the example \`${line}\` ${needsNode ? 'is understood, and says that no node runs' : 'works as printed'}`, async () => {
        const { code, stderr } = await bash(line, { cwd: home, env: { HOME: home, MACULA_DATA_DIR: join(home, 'data'), MACULA_TIMEOUT: '300ms', MACULA_QUIC_PORT: '0', MACULA_METRICS_PORT: '0' } });
        expect(code, stderr).to.equal(needsNode ? 3 : 0);
      });
    }
  }
});
