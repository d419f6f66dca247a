import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { readCertificateInfo, type CertificateInfo } from '../../../src/lib/identity/certificate-info.js';
import { identityPathsIn, type IdentityPaths } from '../../../src/lib/identity/identity-paths.js';
import { writeIdentity } from '../../../src/lib/identity/key-store.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { identityAt, now } from './certificate-fixtures.js';

const day = 86_400_000;

describe('facts about a certificate', () => {
  let root: string;
  let paths: IdentityPaths;
  const read = (wallMs = now): Promise<CertificateInfo> => readCertificateInfo(paths, { clock: new VirtualClock(wallMs) });

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'macula-info-'));
    paths = identityPathsIn(root);
  });
  afterEach(() => rm(root, { recursive: true }));

  it('are all there, with no warning for a sound pair', async () => {
    const identity = await identityAt(now);
    await writeIdentity(identity, paths, { force: false }, { random: systemRandom });
    const { fingerprintSha256, ...info } = await read();
    expect(fingerprintSha256).to.match(/^[0-9a-f]{64}$/).and.not.to.equal(identity.nodeId);
    expect(info).to.deep.equal({
      nodeId: identity.nodeId,
      subject: `CN=macula-node-${identity.nodeId.slice(0, 8)}`,
      algorithm: 'Ed25519',
      notBefore: '2026-05-31T12:00:00.000Z',
      notAfter: '2036-06-01T12:00:00.000Z',
      daysLeft: 3653,
      ...paths,
      keyMode: '0600',
      warnings: [],
    });
  });

  for (const [keyType, algorithm] of [['ecdsa-p256', 'ECDSA P-256'], ['rsa-2048', 'RSA 2048']] as const) {
    it(`name the algorithm of ${keyType} as ${algorithm}`, async () => {
      await writeIdentity(await identityAt(now, keyType), paths, { force: false }, { random: systemRandom });
      expect((await read()).algorithm).to.equal(algorithm);
    });
  }

  const end = Date.UTC(2036, 5, 1, 12);
  const moments: [number, number, string[]][] = [
    [end - 30 * day, 30, []],
    [end - 30 * day + 1, 29, ['EXPIRES_SOON']],
    [end - 1, 0, ['EXPIRES_SOON']],
    [end + 1, -1, ['MACULA_CERTIFICATE_EXPIRED']],
    [now - 2 * day, 3655, ['MACULA_CERTIFICATE_EXPIRED']],
  ];
  for (const [wallMs, daysLeft, codes] of moments) {
    it(`on ${new Date(wallMs).toISOString()} say ${daysLeft} days and warn of ${codes.join() || 'nothing'}`, async () => {
      await writeIdentity(await identityAt(now), paths, { force: false }, { random: systemRandom });
      const info = await read(wallMs);
      expect(info.daysLeft).to.equal(daysLeft);
      expect(info.warnings.map(({ code }) => code)).to.deep.equal(codes);
    });
  }

  it('warn of everything that is wrong at once', async () => {
    await writeIdentity(await identityAt(now), paths, { force: false }, { random: systemRandom });
    await writeFile(paths.keyPath, (await identityAt(now)).privateKeyPem);
    await chmod(paths.keyPath, 0o644);
    const { warnings, keyMode } = await read(end + day);
    expect(keyMode).to.equal('0644');
    expect(warnings.map(({ code }) => code)).to.deep.equal(['MACULA_KEY_UNSAFE', 'MACULA_KEY_MISMATCH', 'MACULA_CERTIFICATE_EXPIRED']);
    for (const { hint } of warnings) expect(hint).to.match(/`(chmod 600|macula cert init) /);
  });

  it('are shown without the key, too', async () => {
    await writeIdentity(await identityAt(now), paths, { force: false }, { random: systemRandom });
    await rm(paths.keyPath);
    const { keyMode, warnings } = await read();
    expect(keyMode).to.equal(null);
    expect(warnings.map(({ code }) => code)).to.deep.equal(['MACULA_CERTIFICATE_MISSING']);
  });

  const failures: [string, string | undefined, string | undefined, string][] = [
    ['no pair', undefined, undefined, 'MACULA_NOT_FOUND'],
    ['a key alone', undefined, 'key', 'MACULA_CERTIFICATE_MISSING'],
    ['a damaged certificate', 'damaged', 'damaged', 'MACULA_CERTIFICATE_UNREADABLE'],
  ];
  for (const [what, certificate, key, code] of failures) {
    it(`cannot be had of ${what}: ${code}`, async () => {
      if (certificate !== undefined) await writeFile(paths.certPath, certificate);
      if (key !== undefined) await writeFile(paths.keyPath, key, { mode: 0o644 });
      const error = await read().catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(MaculaError).with.property('code', code);
      expect((error as MaculaError).message).to.contain('cert.pem');
    });
  }
});
