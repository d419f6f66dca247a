import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash, macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { NodeProcess } from '../support/node-process.js';
import { hasTool } from '../support/system-tool.js';

interface Report {
  source: string;
  path: string | null;
  services: string[];
  required: number;
  recommended: number;
  findings: { code: string; severity: string; subject: string; line: number | null; service: string | null; change: string }[];
}

/** A compose file as v0.8 had them. */
const compose = `services:
  gateway:
    image: macula-gateway:0.8.4
    environment:
      - MACULA_MODE=gateway
      - GATEWAY_PORT=9443
      - MACULA_REALM=shop
      - TLS_CERT_FILE=/opt/macula/certs/cert.pem
      - TLS_KEY_FILE=/opt/macula/certs/key.pem
    ports:
      - "9443:9443"
    volumes:
      - ./certs:/opt/macula/certs:ro
`;

describe('migrate check', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'macula-migrate-'));
    writeFileSync(join(directory, 'compose.yml'), compose);
    writeFileSync(join(directory, 'node.env'), 'MACULA_MODE=edge\nGATEWAY_PORT=9443\n');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
  const check = (...args: string[]): Promise<CliResult> => macula(['migrate', 'check', ...args], { cwd: directory });

  it('lists what a compose file needs changed and exits with 8, with and without --json', async () => {
    const [text, json] = await Promise.all([check('compose.yml'), check('compose.yml', '--json')]);
    expect([text.code, json.code]).to.deep.equal([8, 8]);
    expect(text.stdout).to.match(/^service gateway$/m).and.to.match(/^ {2}required {5}line 11: 9443:9443$/m).and.to.include('→ "9443:9443/udp"').and.to.include('→ MACULA_QUIC_PORT=9443');
    expect(text.stdout).to.match(/^compose\.yml: 2 things have to be changed for version .*; 5 recommended$/m);
    const report = onlyObject<Report>(json);
    expect(report).to.deep.include({ source: 'compose-file', path: 'compose.yml', services: ['gateway'], required: 2, recommended: 5 });
    expect(report.findings.filter(({ severity }) => severity === 'required').map(({ subject }) => subject)).to.deep.equal(['macula-gateway:0.8.4', '9443:9443']);
  });

  it('finds an environment file that still works good, as a file, as @file and on stdin', async () => {
    const results = [check('node.env', '--json'), check('@node.env', '--json'), bash('macula migrate check - --json < node.env', { cwd: directory })];
    for (const result of await Promise.all(results)) {
      expect(result.code, result.stdout).to.equal(0);
      expect(onlyObject<Report>(result)).to.deep.include({ source: 'environment-file', services: [], required: 0, recommended: 2 });
    }
    expect((await check('node.env')).stdout).to.match(/nothing has to be changed for version .*; 2 recommended\n$/);
  });

  it('looks at the environment where no file is named, and reads no stdin', async () => {
    const result = await macula(['migrate', 'check', '--json'], { env: { REALM_ID: 'shop', NODE_NAME: 'a@b' } });
    expect(result.code).to.equal(8);
    expect(onlyObject<Report>(result).findings.map(({ subject }) => subject)).to.include.members(['REALM_ID', 'NODE_NAME']);
    expect(onlyObject<Report>(await check('--json'))).to.deep.include({ source: 'environment', path: null, required: 0, recommended: 0, findings: [] });
  });

  it('says what is wrong with a file that is missing, broken or not Macula\'s', async () => {
    writeFileSync(join(directory, 'broken.yml'), 'services:\n\tgateway: {}\n');
    writeFileSync(join(directory, 'other.yml'), 'services: {db: {image: postgres}}\n');
    const codes: [string, number, string][] = [['missing.yml', 2, 'MACULA_USAGE'], ['broken.yml', 2, 'MACULA_INVALID_CONFIG'], ['other.yml', 4, 'MACULA_NOT_FOUND']];
    for (const [file, code, name] of codes) {
      const result = await check(file, '--json');
      expect([result.code, onlyObject<FailureJson>(result).error.code], file).to.deep.equal([code, name]);
    }
    expect((await check('broken.yml')).stderr).to.include('broken.yml cannot be read as a compose file: line 2, column 1: ');
  });
});

describe('a certificate of v0.8', () => {
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-v08-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The id by the rule of v0.8 and of this version: SHA-256 of the subjectPublicKey bits. */
  function idOf(certificate: Buffer): string {
    const key = createPublicKey(new X509Certificate(certificate).toString());
    const bits = key.asymmetricKeyType === 'rsa' ? key.export({ type: 'pkcs1', format: 'der' }) : key.export({ type: 'spki', format: 'der' }).subarray(-65);
    return createHash('sha256').update(bits).digest('hex');
  }

  /** As the scripts and images of v0.8 made them. */
  const kinds: [string, string[]][] = [
    ['RSA, wildcard name, SANs', ['-newkey', 'rsa:2048', '-days', '365', '-subj', '/C=US/ST=Test/O=Macula/CN=*.macula.test', '-addext', 'subjectAltName=DNS:*.macula.test,DNS:registry.macula.test']],
    ['ECDSA P-256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '365', '-subj', '/CN=macula.local']],
  ];
  for (const [index, [kind, options]] of kinds.entries()) {
    it(`(${kind}) is used where TLS_CERT_FILE names it, and keeps its id`, async function () {
      if (!hasTool('openssl')) return this.skip();
      const certs = join(directory, String(index));
      mkdirSync(certs);
      const env = { TLS_CERT_FILE: join(certs, 'cert.pem'), TLS_KEY_FILE: join(certs, 'key.pem') };
      execFileSync('openssl', ['req', '-x509', '-nodes', '-keyout', env.TLS_KEY_FILE, '-out', env.TLS_CERT_FILE, ...options], { stdio: 'ignore' });
      chmodSync(env.TLS_KEY_FILE, 0o600);
      const before = readFileSync(env.TLS_CERT_FILE);
      const dataDir = join(certs, 'data');
      const node = await NodeProcess.start({ dataDir, env, flags: ['--no-mdns'] });
      await node.end();
      expect(node.nodeId).to.equal(idOf(before));
      expect(readFileSync(env.TLS_CERT_FILE).equals(before), 'the certificate is untouched').to.equal(true);
      expect(existsSync(join(dataDir, 'cert.pem')), 'no other identity is made').to.equal(false);
      expect(node.log.join('\n')).to.include('TLS_CERT_FILE is now called MACULA_CERT_PATH');
    });
  }
});
