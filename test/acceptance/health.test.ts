import { expect } from 'chai';
import { macula, onlyObject, packageRoot } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

interface Warning {
  code: string;
  severity: string;
  message: string;
  fix: string;
}

describe('warnings and readiness, as an operator sees them', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let node: NodeProcess;
  before(async () => {
    const other = await farm.start('other', { env: { MACULA_REALM: 'another' } });
    node = await farm.start('node', { bootstrap: [other.url], env: { MACULA_RECONNECT_MIN: '100ms', MACULA_RECONNECT_MAX: '200ms' } });
  });
  after(() => farm.close());

  const run = (...args: string[]): ReturnType<typeof macula> => macula([...args, '--data-dir', node.dataDir], { cwd: packageRoot });
  /** The warning that comes once the first dial of the bootstrap node has failed. */
  async function refused(): Promise<Warning> {
    for (;;) {
      const { warnings } = onlyObject<{ warnings: Warning[] }>(await run('node', 'status', '--json'));
      const found = warnings.find(({ code }) => code === 'peer-refused');
      if (found) return found;
    }
  }

  it('come with code, severity and fix in node status --json, and as text on stderr', async () => {
    const { severity, message, fix } = await refused();
    expect(severity).to.equal('medium');
    expect(message).to.contain('MACULA_REALM_MISMATCH');
    const text = await run('node', 'status');
    expect(text.stderr).to.contain(`Warning: ${message} ${fix}\n`);
    expect(text.stdout).to.match(/^state +degraded for /m);
  });

  it('are the same in /health, which says 503 as long as no mesh is joined, while /livez says 200', async () => {
    const known = await refused();
    const page = (path: string): Promise<Response> => fetch(new URL(path, node.ready.metricsUrl!));
    const [health, ready, live] = await Promise.all([page('/health'), page('/readyz'), page('/livez')]);
    expect([health.status, ready.status, live.status]).to.deep.equal([503, 503, 200]);
    const { warnings, checks } = (await health.json()) as { warnings: Warning[]; checks: { name: string; ok: boolean; message: string }[] };
    expect(warnings).to.deep.include(known);
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([{ name: 'mesh', ok: false, message: 'none of 1 bootstrap nodes could be joined yet' }]);
  });

  it('are shown by doctor with their fix', async () => {
    const { message, fix } = await refused();
    const { checks } = onlyObject<{ checks: { id: string; summary: string; fix: string }[] }>(await run('doctor', '--json'));
    expect(checks.find(({ id }) => id === 'health:peer-refused')).to.include({ summary: message, fix });
  });

  it('make node wait --for ready end with a time-out that says so', async () => {
    const { code, stdout } = await run('node', 'wait', '--for', 'ready', '--timeout', '1s', '--json');
    expect(code).to.equal(5);
    expect(stdout).to.contain('"state":"degraded"');
  });
});
