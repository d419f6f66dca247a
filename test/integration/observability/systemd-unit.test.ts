import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { hasTool } from '../../support/system-tool.js';

const packageRoot = resolve(import.meta.dirname, '../../..');
const unit = readFileSync(join(packageRoot, 'deploy/systemd/macula.service'), 'utf8');

describe('the systemd unit', () => {
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-unit-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The unit as installed, with the command line of this tree. */
  function installed(): string {
    const file = join(directory, 'macula.service');
    writeFileSync(file, unit.replaceAll('/usr/local/bin/macula', join(packageRoot, 'bin/macula.js')));
    return file;
  }

  it('passes systemd-analyze verify without a word', function () {
    if (!hasTool('systemd-analyze')) this.skip();
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', installed()], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).to.equal('');
    expect(status).to.equal(0);
  });

  it('is exposed to little, as systemd-analyze security sees it', function () {
    if (!hasTool('systemd-analyze')) this.skip();
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=25', installed()], { encoding: 'utf8' });
    expect(status, `${stdout.split('\n').slice(-4).join('\n')}${stderr}`).to.equal(0);
  });
});
