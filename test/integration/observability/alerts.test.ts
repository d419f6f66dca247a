import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { metricAreas } from '../../../src/lib/observability/metric-table.js';
import { hasTool } from '../../support/system-tool.js';

const directory = resolve(import.meta.dirname, '../../../deploy/prometheus');

describe('the alert rules', () => {
  it('use metrics that there are', () => {
    const text = readFileSync(join(directory, 'macula-alerts.yml'), 'utf8').replaceAll(/^ *description: .*$/gm, '');
    const known = new Set(metricAreas.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
    const used = [...text.matchAll(/\bmacula_[a-z_]+/g)].map(([name]) => name);
    expect(used).to.not.be.empty;
    for (const name of used) expect(known.has(name), name).to.equal(true);
  });

  it('pass promtool, and fire when they should and only then', function () {
    if (!hasTool('promtool')) this.skip();
    for (const args of [['check', 'rules', 'macula-alerts.yml'], ['test', 'rules', 'macula-alerts.test.yml']]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: directory, encoding: 'utf8' });
      expect(status, `${stdout}${stderr}`).to.equal(0);
    }
  });
});
