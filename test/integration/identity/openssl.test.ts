import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { readCertificateInfo } from '../../../src/lib/identity/certificate-info.js';
import { keyTypes, type KeyType } from '../../../src/lib/identity/identity.js';
import { identityPathsIn, type IdentityPaths } from '../../../src/lib/identity/identity-paths.js';
import { loadIdentity, loadOrCreateIdentity } from '../../../src/lib/identity/key-store.js';

const components = { clock: systemClock, random: systemRandom };

async function openssl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', args, { encoding: 'latin1', timeout: 15_000 });
  return stdout;
}

/** Node id by openssl alone: the DER SubjectPublicKeyInfo it prints, cut behind the header its own parser reports. */
async function nodeIdByOpenssl(certPath: string, root: string): Promise<string> {
  const [pem, der] = [join(root, 'public.pem'), join(root, 'public.der')];
  await openssl('x509', '-in', certPath, '-noout', '-pubkey', '-out', pem);
  await openssl('pkey', '-pubin', '-in', pem, '-outform', 'DER', '-out', der);
  const parsed = await openssl('asn1parse', '-inform', 'DER', '-in', der);
  const [, offset, header] = /^ *(\d+):d=1 +hl=(\d+) .*BIT STRING/m.exec(parsed)!;
  const key = (await readFile(der)).subarray(Number(offset) + Number(header) + 1);
  return createHash('sha256').update(key).digest('hex');
}

describe('openssl and the identity', function () {
  this.timeout(60_000);
  let root: string;
  let paths: IdentityPaths;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'macula-openssl-'));
    paths = identityPathsIn(root);
  });
  afterEach(() => rm(root, { recursive: true }));

  for (const keyType of keyTypes) {
    it(`openssl reads and verifies the ${keyType} pair we write`, async () => {
      const { identity } = await loadOrCreateIdentity({ ...paths, keyType }, components);
      const { certPath, keyPath } = paths;
      expect(await openssl('verify', '-CAfile', certPath, certPath)).to.match(/: OK\n$/);
      for (const purpose of ['sslserver', 'sslclient']) {
        expect(await openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', certPath, certPath)).to.match(/: OK\n$/);
      }
      const text = await openssl('x509', '-in', certPath, '-noout', '-text');
      expect(text).to.contain('Version: 3 (0x2)').and.to.contain(`CN = macula-node-${identity.nodeId.slice(0, 8)}`);
      expect(text).to.contain('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
      expect(text).to.contain('TLS Web Server Authentication, TLS Web Client Authentication').and.to.contain('CA:FALSE');
      const check = await openssl('pkey', '-in', keyPath, '-pubout');
      expect(check).to.equal(await openssl('x509', '-in', certPath, '-noout', '-pubkey'));
      expect(await nodeIdByOpenssl(certPath, root)).to.equal(identity.nodeId);
      expect((await loadIdentity(paths, components)).nodeId).to.equal(identity.nodeId);
      const fingerprint = await openssl('x509', '-in', certPath, '-noout', '-fingerprint', '-sha256');
      const info = await readCertificateInfo(paths, components);
      expect(fingerprint.trim().split('=')[1]!.replaceAll(':', '').toLowerCase()).to.equal(info.fingerprintSha256);
    });
  }

  const makeKeys: [string, KeyType, (keyPath: string) => Promise<unknown>, RegExp][] = [
    ['genpkey (Ed25519, PKCS#8)', 'ed25519', (out) => openssl('genpkey', '-algorithm', 'ed25519', '-out', out), /BEGIN PRIVATE KEY/],
    ['genpkey (P-256, PKCS#8)', 'ecdsa-p256', (out) => openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', out), /BEGIN PRIVATE KEY/],
    ['ecparam (P-256, parameters and SEC 1)', 'ecdsa-p256', (out) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-out', out), /BEGIN EC PARAMETERS[^]*BEGIN EC PRIVATE KEY/],
    ['genrsa (PKCS#8)', 'rsa-2048', (out) => openssl('genrsa', '-out', out, '2048'), /BEGIN PRIVATE KEY/],
    ['genrsa -traditional (PKCS#1)', 'rsa-2048', (out) => openssl('genrsa', '-traditional', '-out', out, '2048'), /BEGIN RSA PRIVATE KEY/],
  ];
  for (const [what, keyType, makeKey, form] of makeKeys) {
    it(`we load what openssl writes with ${what}, with the same node id on each start`, async () => {
      await makeKey(paths.keyPath);
      expect(await readFile(paths.keyPath, 'latin1')).to.match(form);
      await chmod(paths.keyPath, 0o600);
      await openssl('req', '-x509', '-key', paths.keyPath, '-subj', '/CN=my node', '-days', '30', '-out', paths.certPath);
      const expected = await nodeIdByOpenssl(paths.certPath, root);
      for (let start = 0; start < 2; start += 1) {
        const { identity, created } = await loadOrCreateIdentity({ ...paths, keyType: 'ed25519' }, components);
        expect(created).to.equal(false);
        expect(identity).to.include({ nodeId: expected, keyType });
      }
      const info = await readCertificateInfo(paths, components);
      expect(info).to.deep.include({ nodeId: expected, subject: 'CN=my node', warnings: [{
        code: 'EXPIRES_SOON',
        message: 'The certificate expires in 29 days.',
        hint: info.warnings[0]!.hint,
      }] });
    });
  }

  it('we load a certificate with text around it, and one of X.509 version 1', async () => {
    const request = join(root, 'request.pem');
    await openssl('genpkey', '-algorithm', 'ed25519', '-out', paths.keyPath);
    await chmod(paths.keyPath, 0o600);
    await openssl('req', '-new', '-key', paths.keyPath, '-subj', '/CN=one', '-out', request);
    await openssl('x509', '-req', '-in', request, '-signkey', paths.keyPath, '-days', '60', '-text', '-out', paths.certPath);
    expect(await readFile(paths.certPath, 'latin1')).to.match(/^Certificate:[^]*Version: 1/);
    expect((await loadIdentity(paths, components)).nodeId).to.equal(await nodeIdByOpenssl(paths.certPath, root));
  });
});
