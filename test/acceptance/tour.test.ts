import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '../..');

/** The shell lines of one section of the README, in order. */
function shellLines(heading: string): string {
  const section = readFileSync(join(root, 'README.md'), 'utf8').split(/^## /m).find((text) => text.startsWith(heading));
  const blocks = [...section!.matchAll(/^```sh\n(.*?)^```/gms)].map((match) => match[1]);
  return blocks.join('');
}

describe('the tour of the README', function () {
  this.timeout(60_000);
  const directory = '/tmp/macula-tour';

  before(() => rmSync(directory, { recursive: true, force: true }));

  it('works line by line as printed', async () => {
    const lines = shellLines('A tour in five minutes');
    expect(lines).to.include('macula node start');
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', lines], { cwd: root, maxBuffer: 2 ** 24 }).catch((error: Error & { stdout: string; stderr: string }) => {
      const stop = ['one', 'two', 'three'].map((name) => `node bin/macula.js node stop --data-dir ${directory}/${name}`).join(';');
      return promisify(execFile)('bash', ['-c', stop], { cwd: root }).catch(() => undefined).then(() => {
        throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
      });
    });
    expect(stdout.match(/^ready$/gm), 'three nodes became ready').to.have.length(3);
    expect(stdout, 'the third node knows the other two').to.match(/127\.0\.0\.1:4501/).and.match(/127\.0\.0\.1:4502/);
    expect(stdout.match(/hello, mesh/g), 'the value is read before and after the first node goes').to.have.length.at.least(2);
    expect(stdout, 'the second node prints what the third published').to.match(/\[weather\.zurich\] [0-9a-f]{8} #\d+: rain at noon/);
    expect(stdout, 'metrics').to.include('macula_peers{state="connected"} 2');
    expect(stdout, 'readiness').to.include('"ready":true');
  });
});
