import { expect } from 'chai';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { macula, onlyObject, type FailureJson } from '../support/cli.js';

interface Made {
  nodeId: string;
  certPath: string;
  keyPath: string;
  algorithm: string;
  notAfter: string;
}

describe('cert', () => {
  let directory: string;
  beforeEach(() => void (directory = join(mkdtempSync(join(tmpdir(), 'macula-cert-')), 'certs')));
  afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  const init = (...flags: string[]): ReturnType<typeof macula> => macula(['cert', 'init', '--dir', directory, '--json', ...flags]);
  const show = (...flags: string[]): ReturnType<typeof macula> => macula(['cert', 'show', '--dir', directory, ...flags]);

  it('init writes a pair that show describes, the key for its owner alone', async () => {
    const made = onlyObject<Made>(await init());
    expect(made).to.include({ schemaVersion: 1, algorithm: 'Ed25519', certPath: join(directory, 'cert.pem'), keyPath: join(directory, 'key.pem') });
    expect(made.nodeId).to.match(/^[0-9a-f]{64}$/);
    expect(statSync(made.keyPath).mode & 0o777).to.equal(0o600);
    const shown = onlyObject(await show('--json'));
    expect(shown).to.include({ nodeId: made.nodeId, notAfter: made.notAfter, keyMode: '0600' });
    expect(shown).to.include.keys('subject', 'notBefore', 'daysLeft', 'fingerprintSha256', 'warnings');
  });

  for (const [keyType, algorithm] of [['ecdsa-p256', 'ECDSA P-256'], ['rsa-2048', 'RSA 2048']] as const) {
    it(`init --key-type ${keyType} makes such a key`, async () => {
      expect(onlyObject<Made>(await init('--key-type', keyType)).algorithm).to.equal(algorithm);
    });
  }

  it('init refuses to overwrite with 9 and leaves the files alone', async () => {
    const { keyPath } = onlyObject<Made>(await init());
    const before = readFileSync(keyPath);
    const again = await init();
    expect(again.code).to.equal(9);
    expect(onlyObject<FailureJson>(again).error.code).to.equal('MACULA_FILE_EXISTS');
    expect((await macula(['cert', 'init', '--dir', directory])).code).to.equal(9);
    expect(readFileSync(keyPath).equals(before)).to.equal(true);
  });

  it('init --force makes another node, --force --keep-key keeps the id', async () => {
    const first = onlyObject<Made>(await init());
    const kept = onlyObject<Made>(await init('--force', '--keep-key'));
    expect(kept.nodeId).to.equal(first.nodeId);
    const replaced = onlyObject<Made>(await init('--force'));
    expect(replaced.nodeId).not.to.equal(first.nodeId);
  });

  it('show exits with 4 where there is nothing to show', async () => {
    const [text, json] = await Promise.all([show(), show('--json')]);
    expect([text.code, json.code]).to.deep.equal([4, 4]);
    expect(onlyObject<FailureJson>(json).error.code).to.equal('MACULA_NOT_FOUND');
  });

  it('show warns of a key that others can read', async () => {
    const { keyPath } = onlyObject<Made>(await init());
    chmodSync(keyPath, 0o644);
    const [text, json] = await Promise.all([show(), show('--json')]);
    expect([text.code, json.code]).to.deep.equal([0, 0]);
    expect(text.stderr).to.match(/^Warning: .*chmod 600/m);
    const { warnings } = onlyObject<{ warnings: { code: string }[] }>(json);
    expect(warnings.map(({ code }) => code)).to.deep.equal(['MACULA_KEY_UNSAFE']);
  });

  it('show and --keep-key refuse with 6 what is no PEM', async () => {
    const { certPath, keyPath } = onlyObject<Made>(await init());
    writeFileSync(certPath, 'not a certificate');
    expect((await show('--json')).code).to.equal(6);
    writeFileSync(keyPath, 'not a key');
    const renewed = await init('--force', '--keep-key');
    expect(renewed.code).to.equal(6);
    expect(onlyObject<FailureJson>(renewed).error.code).to.equal('MACULA_CERTIFICATE_UNREADABLE');
  });

  it('node start refuses a key that others can read with 6', async () => {
    const { certPath, keyPath } = onlyObject<Made>(await init());
    chmodSync(keyPath, 0o640);
    const env = { MACULA_CERT_PATH: certPath, MACULA_KEY_PATH: keyPath, MACULA_DATA_DIR: join(directory, '../data'), MACULA_METRICS: 'false' };
    const result = await macula(['node', 'start', '--port', '0', '--no-mdns', '--json'], { env });
    expect(result.code, result.stderr).to.equal(6);
    expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_KEY_UNSAFE');
  });
});
