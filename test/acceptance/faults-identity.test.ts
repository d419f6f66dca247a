import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cleanEnvironment, finished, macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { expiredIdentity } from '../support/odd-identities.js';

const bin = resolve(import.meta.dirname, '../../bin/macula.js');
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

interface Case {
  readonly what: string;
  readonly code: string;
  /** What the hint or message must name, so that an operator knows what to do. */
  readonly says: RegExp;
  readonly spoil: (directory: string) => Promise<void>;
  /** Whether the node is to run as another user than root, who may read everything. */
  readonly asNobody?: boolean;
}

const key = (directory: string): string => join(directory, 'key.pem');
const cert = (directory: string): string => join(directory, 'cert.pem');

describe('a node whose key or certificate is not as it should be', function () {
  this.timeout(20_000);
  let root: string;
  let good: string;
  let other: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'macula-faults-'));
    await chmod(root, 0o755);
    [good, other] = [join(root, 'good'), join(root, 'other')];
    for (const directory of [good, other]) expect((await macula(['cert', 'init', '--dir', directory])).code).to.equal(0);
  });
  after(() => rm(root, { recursive: true, force: true }));

  const cases: Case[] = [
    { what: 'key that others can read', code: 'MACULA_KEY_UNSAFE', says: /chmod 600/, spoil: (at) => chmod(key(at), 0o644) },
    {
      what: 'key that it may not read',
      code: 'MACULA_CERTIFICATE_UNREADABLE',
      says: /key\.pem/,
      asNobody: true,
      spoil: async (at) => {
        await chmod(key(at), isRoot ? 0o600 : 0o000);
        if (isRoot) for (const path of [at, cert(at)]) await chown(path, nobody, nobody);
      },
    },
    { what: 'key that is no key', code: 'MACULA_CERTIFICATE_UNREADABLE', says: /key\.pem/, spoil: (at) => writeFile(key(at), '-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n') },
    { what: 'key that was cut off', code: 'MACULA_CERTIFICATE_UNREADABLE', says: /key\.pem/, spoil: async (at) => writeFile(key(at), (await readFile(key(at))).subarray(0, 60)) },
    { what: 'certificate that is no certificate', code: 'MACULA_CERTIFICATE_UNREADABLE', says: /cert\.pem/, spoil: (at) => writeFile(cert(at), 'hello') },
    { what: 'key of another certificate', code: 'MACULA_KEY_MISMATCH', says: /cert\.pem|key\.pem|certificate/, spoil: async (at) => writeFile(key(at), await readFile(key(other))) },
    { what: 'certificate without its key', code: 'MACULA_CERTIFICATE_MISSING', says: /key\.pem/, spoil: (at) => rm(key(at)) },
    { what: 'key without its certificate', code: 'MACULA_CERTIFICATE_MISSING', says: /cert\.pem/, spoil: (at) => rm(cert(at)) },
    {
      what: 'certificate that has expired',
      code: 'MACULA_CERTIFICATE_EXPIRED',
      says: /cert init .*--keep-key|--keep-key/,
      spoil: async (at) => {
        const { certificatePem, privateKeyPem } = await expiredIdentity();
        await writeFile(cert(at), certificatePem);
        await writeFile(key(at), privateKeyPem);
      },
    },
  ];

  /** Name, mode and content of every file of the identity. */
  async function identityFiles(directory: string): Promise<string[]> {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.pem')).sort();
    return Promise.all(names.map(async (name) => `${name} ${(await stat(join(directory, name))).mode.toString(8)} ${(await readFile(join(directory, name))).toString('hex')}`));
  }

  function start(directory: string, asNobody: boolean): Promise<CliResult> {
    const args = [bin, 'node', 'start', '--json', '--port', '0', '--data-dir', directory];
    const env = cleanEnvironment({ MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false' });
    const user = asNobody && isRoot ? { uid: nobody, gid: nobody } : {};
    return finished(spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...user }));
  }

  for (const [index, { what, code, says, spoil, asNobody = false }] of cases.entries()) {
    it(`refuses to start with a ${what}, says what to do, and leaves the files alone`, async () => {
      const directory = join(root, `case-${index}`);
      await mkdir(directory, { mode: 0o700 });
      await cp(good, directory, { recursive: true, preserveTimestamps: true });
      await spoil(directory);
      const before = await identityFiles(directory);
      const result = await start(directory, asNobody);
      expect(result.code, result.stdout + result.stderr).to.equal(6);
      const { error } = onlyObject<FailureJson>(result);
      expect(error.code).to.equal(code);
      expect(`${error.message} ${error.hint}`).to.match(says);
      expect(await identityFiles(directory)).to.deep.equal(before);
    });
  }
});
