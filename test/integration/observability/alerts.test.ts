import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { deployDirectory } from '../../support/monitoring-files.js';
import { hasTool } from '../../support/system-tool.js';

describe('the rules for Prometheus, by promtool', () => {
  before(function () {
    if (!hasTool('promtool')) this.skip();
  });

  const runs: [what: string, args: string[]][] = [
    ['are rules', ['check', 'rules', 'macula-rules.yml', 'macula-alerts.yml']],
    ['alert when they should and only then', ['test', 'rules', 'macula-alerts.test.yml']],
    ['are found by the configuration', ['check', 'config', 'prometheus.yml']],
  ];
  for (const [what, args] of runs) {
    it(what, () => {
      const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: join(deployDirectory, 'prometheus'), encoding: 'utf8' });
      expect(status, `${stdout}${stderr}`).to.equal(0);
    });
  }
});
