import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import { certInitCommand, identityPathsIn, type IdentityPaths } from '../../../src/lib/identity/identity-paths.js';
import { initIdentity, loadIdentity, loadOrCreateIdentity, writeIdentity } from '../../../src/lib/identity/key-store.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { derOf, identityAt, newPair, now, oddCertificate, rsa } from './certificate-fixtures.js';

const components = { clock: new VirtualClock(now), random: systemRandom };

async function refusal(action: Promise<unknown>): Promise<MaculaError> {
  const error = await action.then(() => new Error('accepted'), (thrown: unknown) => thrown);
  if (error instanceof MaculaError) return error;
  throw error;
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
const pemOf = (der: Uint8Array): string => new X509Certificate(der).toString();

describe('the key store', () => {
  let root: string;
  let paths: IdentityPaths;
  const load = (): Promise<NodeIdentity> => loadIdentity(paths, components);
  const start = (): ReturnType<typeof loadOrCreateIdentity> => loadOrCreateIdentity({ ...paths, keyType: 'ed25519' }, components);
  const init = (force: boolean, keepKey = false): Promise<NodeIdentity> => initIdentity({ ...paths, keyType: 'ed25519', force, keepKey }, components);
  const put = async (identity: { certificatePem?: string; privateKeyPem?: string }, keyMode = 0o600): Promise<void> => {
    await mkdir(dirname(paths.certPath), { recursive: true });
    if (identity.certificatePem !== undefined) await writeFile(paths.certPath, identity.certificatePem);
    if (identity.privateKeyPem === undefined) return;
    await writeFile(paths.keyPath, identity.privateKeyPem);
    await chmod(paths.keyPath, keyMode);
  };
  const contents = async (): Promise<Record<string, string>> => {
    const directory = dirname(paths.certPath);
    const names = await readdir(directory).catch(() => []);
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'latin1').catch(() => '')] as const)));
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'macula-keys-'));
    paths = identityPathsIn(join(root, 'node'));
  });
  afterEach(() => rm(root, { recursive: true }));

  describe('on a first start', () => {
    it('makes a pair for its owner alone and leaves nothing else behind', async () => {
      const { identity, created } = await start();
      expect(created).to.equal(true);
      expect(Object.keys(await contents())).to.have.members(['cert.pem', 'key.pem']);
      expect(await modeOf(dirname(paths.keyPath))).to.equal(0o700);
      expect(await modeOf(paths.keyPath)).to.equal(0o600);
      expect(await modeOf(paths.certPath)).to.equal(0o644);
      expect(await load()).to.deep.equal(identity);
    });

    it('makes the same modes under any umask', async () => {
      for (const umask of [0o000, 0o777 & ~0o700]) {
        paths = identityPathsIn(join(root, `umask-${umask}`));
        const before = process.umask(umask);
        try {
          await start();
        } finally {
          process.umask(before);
        }
        expect([await modeOf(dirname(paths.keyPath)), await modeOf(paths.keyPath), await modeOf(paths.certPath)]).to.deep.equal([0o700, 0o600, 0o644]);
      }
    });

    it('leaves the mode of a directory that was there before as it is', async () => {
      await mkdir(dirname(paths.certPath), { mode: 0o755 });
      await start();
      expect(await modeOf(dirname(paths.certPath))).to.equal(0o755);
    });

    it('can put certificate and key into different directories', async () => {
      paths = { certPath: join(root, 'a', 'node.crt'), keyPath: join(root, 'b', 'node.key') };
      const { identity } = await start();
      expect((await load()).nodeId).to.equal(identity.nodeId);
    });

    it('agrees on one identity when several happen at once', async () => {
      const results = await Promise.all(Array.from({ length: 12 }, start));
      expect(new Set(results.map(({ identity }) => identity.nodeId)).size).to.equal(1);
      expect(results.filter(({ created }) => created)).to.have.length(1);
      expect(Object.keys(await contents())).to.have.members(['cert.pem', 'key.pem']);
    });

    it('keeps to what is there on every later start', async () => {
      const { identity } = await start();
      const before = await contents();
      expect(await start()).to.deep.equal({ identity, created: false });
      expect(await contents()).to.deep.equal(before);
    });

    it('says so when the directory cannot be made', async () => {
      await writeFile(join(root, 'node'), 'a file');
      expect((await refusal(start())).code).to.equal('MACULA_CERTIFICATE_UNREADABLE');
      const inFile = await refusal(init(false));
      expect(inFile.code).to.equal('MACULA_PERMISSION_DENIED');
      expect(inFile.message).to.contain(`${join(root, 'node')} is not a directory`);
      paths = identityPathsIn(join(root, 'node', 'below'));
      expect((await refusal(init(false))).code).to.equal('MACULA_PERMISSION_DENIED');
    });

    it('does not write through a dangling link', async () => {
      await mkdir(dirname(paths.certPath));
      await symlink(join(root, 'elsewhere'), paths.keyPath);
      expect((await refusal(start())).code).to.equal('MACULA_FILE_EXISTS');
      expect(await readdir(root)).to.deep.equal(['node']);
    });
  });

  describe('refuses, says what to do, and changes nothing:', () => {
    const whole = (): Promise<NodeIdentity> => identityAt(now);
    const encrypted = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    const encryptedOld = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const cases: [string, () => Promise<void>, ErrorCode, RegExp, RegExp][] = [
      ['a missing certificate', async () => put({ privateKeyPem: (await whole()).privateKeyPem }), 'MACULA_CERTIFICATE_MISSING', /cert\.pem is missing/, /`macula cert init --dir \S+\/node --keep-key`/],
      ['a missing key', async () => put({ certificatePem: (await whole()).certificatePem }), 'MACULA_CERTIFICATE_MISSING', /key\.pem is missing/, /`macula cert init --dir \S+\/node --force`/],
      ['a key that its group may read', async () => put(await whole(), 0o640), 'MACULA_KEY_UNSAFE', /mode 0640/, /`chmod 600 \S+\/key\.pem`/],
      ['a key that all may read', async () => put(await whole(), 0o644), 'MACULA_KEY_UNSAFE', /mode 0644/, /`chmod 600 /],
      ['a key that others may write', async () => put(await whole(), 0o602), 'MACULA_KEY_UNSAFE', /mode 0602/, /`chmod 600 /],
      ['the certificate of another key', async () => put({ ...(await whole()), privateKeyPem: (await whole()).privateKeyPem }), 'MACULA_KEY_MISMATCH', /does not belong/, /--force --keep-key`/],
      ['the certificate of a key of another type', async () => put({ ...(await whole()), privateKeyPem: (await identityAt(now, 'ecdsa-p256')).privateKeyPem }), 'MACULA_KEY_MISMATCH', /does not belong/, /--keep-key`/],
      ['an expired certificate', async () => put(await identityAt(now - 11 * 365 * 86_400_000)), 'MACULA_CERTIFICATE_EXPIRED', /cert\.pem: .*expired since 2025/, /If the clock is right.*--force --keep-key`/],
      ['a certificate that is not valid yet', async () => put(await identityAt(now + 2 * 86_400_000)), 'MACULA_CERTIFICATE_EXPIRED', /not valid before/, /If the clock is right/],
      ['an empty certificate', async () => put({ ...(await whole()), certificatePem: '' }), 'MACULA_CERTIFICATE_UNREADABLE', /cert\.pem is empty/, /backup/],
      ['an empty key', async () => put({ ...(await whole()), privateKeyPem: '' }), 'MACULA_CERTIFICATE_UNREADABLE', /key\.pem is empty/, /backup/],
      ['a certificate that is not PEM', async () => put({ ...(await whole()), certificatePem: 'hello' }), 'MACULA_CERTIFICATE_UNREADABLE', /cert\.pem is damaged or holds no certificate/, /backup/],
      ['a key that is not PEM', async () => put({ ...(await whole()), privateKeyPem: '\0\0' }), 'MACULA_CERTIFICATE_UNREADABLE', /key\.pem is damaged or holds no private key/, /backup/],
      ['PEM around something else', async () => put({ ...(await whole()), certificatePem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }), 'MACULA_CERTIFICATE_UNREADABLE', /cert\.pem is damaged/, /backup/],
      ['a key PEM around something else', async () => put({ ...(await whole()), privateKeyPem: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' }), 'MACULA_CERTIFICATE_UNREADABLE', /key\.pem is damaged/, /backup/],
      ['a key cut in two', async () => put({ ...(await whole()), privateKeyPem: (await whole()).privateKeyPem.slice(0, 60) }), 'MACULA_CERTIFICATE_UNREADABLE', /key\.pem is damaged/, /backup/],
      ['an encrypted key', async () => put({ ...(await whole()), privateKeyPem: encrypted }), 'MACULA_CERTIFICATE_UNREADABLE', /encrypted with a passphrase/, /openssl pkey -in/],
      ['a key encrypted in the old way', async () => put({ ...(await whole()), privateKeyPem: encryptedOld }), 'MACULA_CERTIFICATE_UNREADABLE', /encrypted with a passphrase/, /openssl pkey -in/],
      ['a key of another type', async () => put({ ...(await whole()), privateKeyPem: p384 }), 'MACULA_CERTIFICATE_INVALID', /neither Ed25519 nor ECDSA P-256 nor RSA/, /Use an Ed25519/],
      ['a certificate of another key type', async () => put({ ...(await whole()), certificatePem: pemOf(await oddCertificate(rsa(1024))) }), 'MACULA_CERTIFICATE_INVALID', /cert\.pem: .*1024 bits/, /self-signed certificate, .* of an Ed25519/],
      ['a certificate somebody else signed', async () => put({ ...(await whole()), certificatePem: pemOf(await oddCertificate({ name: 'Ed25519' }, await newPair({ name: 'Ed25519' }))) }), 'MACULA_CERTIFICATE_INVALID', /not signed with its own key/, /self-signed/],
      ['two certificates', async () => put({ ...(await whole()), certificatePem: (await whole()).certificatePem.repeat(2) }), 'MACULA_CERTIFICATE_INVALID', /holds 2 certificates/, /Leave only/],
      ['two keys', async () => put({ ...(await whole()), privateKeyPem: (await whole()).privateKeyPem.repeat(2) }), 'MACULA_CERTIFICATE_UNREADABLE', /holds 2 private keys/, /Leave only/],
      ['swapped files', async () => {
        const { certificatePem, privateKeyPem } = await whole();
        await put({ certificatePem: privateKeyPem, privateKeyPem: certificatePem });
      }, 'MACULA_CERTIFICATE_UNREADABLE', /holds a private key where a certificate is expected/, /swapped/],
      ['a huge file', async () => put({ ...(await whole()), certificatePem: 'x'.repeat(65_537) }), 'MACULA_CERTIFICATE_UNREADABLE', /too large/, /PEM/],
      ['a directory in place of the key', async () => {
        await put({ certificatePem: (await whole()).certificatePem });
        await mkdir(paths.keyPath);
      }, 'MACULA_CERTIFICATE_UNREADABLE', /key\.pem is not a regular file/, /PEM/],
      ['a certificate in DER', async () => {
        const identity = await whole();
        await put(identity);
        await writeFile(paths.certPath, derOf(identity));
      }, 'MACULA_CERTIFICATE_UNREADABLE', /looks like DER/, /openssl x509 -inform DER -in \S+cert\.pem -out/],
      ['a key in DER', async () => {
        const identity = await whole();
        await put(identity);
        await writeFile(paths.keyPath, createPrivateKey(identity.privateKeyPem).export({ type: 'pkcs8', format: 'der' }));
      }, 'MACULA_CERTIFICATE_UNREADABLE', /looks like DER/, /openssl pkey -inform DER -in \S+key\.pem -out/],
    ];
    for (const [what, arrange, code, message, hint] of cases) {
      it(what, async () => {
        await arrange();
        const before = await contents();
        for (const error of [await refusal(start()), await refusal(load())]) {
          expect(error.code).to.equal(code);
          expect(error.message).to.match(message);
          expect(error.hint).to.match(hint);
        }
        expect(await contents()).to.deep.equal(before);
      });
    }

    it('nothing at all, when asked only to load', async () => {
      const error = await refusal(load());
      expect(error.code).to.equal('MACULA_NOT_FOUND');
      expect(error.hint).to.contain(`macula cert init --dir ${dirname(paths.certPath)}`);
    });
  });

  describe('after a kill while a pair was being written', () => {
    const pendingCert = '.cert.pem.00112233aabbccdd.new';
    const pendingKey = '.key.pem.00112233aabbccdd.new';
    const leave = async (files: Record<string, string>): Promise<void> => {
      await mkdir(dirname(paths.certPath), { recursive: true });
      for (const [name, text] of Object.entries(files)) await writeFile(join(dirname(paths.certPath), name), text, { mode: 0o600 });
    };

    it('before the key had its name, starts afresh', async () => {
      const { certificatePem, privateKeyPem } = await identityAt(now);
      await leave({ [pendingCert]: certificatePem, [pendingKey]: privateKeyPem });
      const { identity, created } = await start();
      expect(created).to.equal(true);
      expect(await load()).to.deep.equal(identity);
    });

    it('between key and certificate, puts the certificate in place and goes on with that identity', async () => {
      const killed = await identityAt(now);
      const unrelated = await identityAt(now);
      await leave({ [pendingCert]: killed.certificatePem, '.cert.pem.00.new': unrelated.certificatePem, '.cert.pem.01.new': 'torn', 'key.pem': killed.privateKeyPem });
      const { identity, created } = await start();
      expect(created).to.equal(false);
      expect(identity.nodeId).to.equal(killed.nodeId);
      expect(await contents()).to.include.keys('cert.pem', 'key.pem').and.not.to.have.property(pendingCert);
    });

    it('between the two of a replacement, goes on with the new identity', async () => {
      const old = await identityAt(now);
      const killed = await identityAt(now);
      await leave({ 'cert.pem': old.certificatePem, 'key.pem': killed.privateKeyPem, [pendingCert]: killed.certificatePem });
      expect((await load()).nodeId).to.equal(killed.nodeId);
    });

    it('never takes the pending certificate of another key', async () => {
      await leave({ 'key.pem': (await identityAt(now)).privateKeyPem, [pendingCert]: (await identityAt(now)).certificatePem });
      expect((await refusal(start())).code).to.equal('MACULA_CERTIFICATE_MISSING');
    });
  });

  describe('asked to make a pair', () => {
    it('refuses to replace either file without force', async () => {
      const identity = await identityAt(now);
      for (const part of [identity, { certificatePem: 'x' }, { privateKeyPem: 'x' }]) {
        paths = identityPathsIn(await mkdtemp(join(root, 'pair-')));
        await put(part);
        const before = await contents();
        const error = await refusal(init(false));
        expect(error.code).to.equal('MACULA_FILE_EXISTS');
        expect(error.hint).to.contain('--force');
        expect((await refusal(writeIdentity(identity, paths, { force: false }, components))).code).to.equal('MACULA_FILE_EXISTS');
        expect(await contents()).to.deep.equal(before);
      }
    });

    it('replaces both with force, whatever they are, with the right modes', async () => {
      await put({ certificatePem: 'x', privateKeyPem: 'y' }, 0o644);
      const identity = await init(true);
      expect(await load()).to.deep.equal(identity);
      expect(await modeOf(paths.keyPath)).to.equal(0o600);
      expect(Object.keys(await contents())).to.have.length(2);
    });

    it('makes the missing certificate for the key that is there, and the node id stays', async () => {
      const { identity } = await start();
      await rm(paths.certPath);
      expect((await init(false, true)).nodeId).to.equal(identity.nodeId);
      expect((await load()).nodeId).to.equal(identity.nodeId);
    });

    it('replaces an expired certificate for the same key only with force', async () => {
      const expired = await identityAt(now - 11 * 365 * 86_400_000);
      await put(expired);
      expect((await refusal(init(false, true))).code).to.equal('MACULA_FILE_EXISTS');
      await init(true, true);
      expect((await load()).nodeId).to.equal(expired.nodeId);
      expect((await load()).privateKeyPem).to.equal(expired.privateKeyPem);
    });

    it('refuses to keep a key that is not there, or that others may read', async () => {
      expect((await refusal(init(false, true))).code).to.equal('MACULA_NOT_FOUND');
      await put({ privateKeyPem: (await identityAt(now)).privateKeyPem }, 0o644);
      expect((await refusal(init(false, true))).code).to.equal('MACULA_KEY_UNSAFE');
    });
  });

  it('tells people a command they can paste, whatever the paths are', () => {
    expect(certInitCommand(identityPathsIn('/var/lib/macula'), '')).to.equal('macula cert init --dir /var/lib/macula');
    expect(certInitCommand(identityPathsIn("/home/o'neil/my node"), '--force')).to.equal("macula cert init --dir '/home/o'\\''neil/my node' --force");
    expect(certInitCommand({ certPath: '/etc/a.crt', keyPath: '/etc/b key' }, '--keep-key')).to.equal("MACULA_CERT_PATH=/etc/a.crt MACULA_KEY_PATH='/etc/b key' macula cert init --keep-key");
  });
});
