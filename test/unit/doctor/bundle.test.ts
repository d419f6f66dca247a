import { expect } from 'chai';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { redact } from '../../../src/lib/doctor/redact.js';
import { tarGz } from '../../../src/lib/doctor/tar.js';

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const keyBody = pem.split('\n')[1]!;

describe('what doctor takes out of an archive', () => {
  it('a private key, whole, escaped inside JSON, or cut off at either end', () => {
    for (const text of [`before\n${pem}after`, JSON.stringify({ msg: pem, next: 1 }), pem.slice(0, -20), pem.slice(30)]) expect(redact(text, [])).to.not.include(keyBody);
    expect(redact(JSON.stringify({ msg: pem, next: 1 }), [])).to.include('"next":1');
  });

  it('a known secret wherever it stands, raw, in JSON and in a URL', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (secret, before, after) => {
        for (const form of [secret, JSON.stringify(secret).slice(1, -1)]) {
          const text = `${before}\u0000${form}\u0000${after}`;
          expect(redact(text, [secret]).includes(`\u0000${form}\u0000`)).to.equal(false);
        }
      }),
    );
  });

  const lines: [what: string, line: string, secret: string, kept: string][] = [
    ['a field of a log line', '{"level":"info","apiToken":"hunter2abc","msg":"hello"}', 'hunter2abc', '"msg":"hello"'],
    ['a field of JSON inside JSON', '{"msg":"{\\"password\\":\\"hunter2abc\\",\\"user\\":\\"me\\"}"}', 'hunter2abc', 'me'],
    ['a variable', 'started with MACULA_REALM_SECRET=hunter2abc MACULA_REALM=home', 'hunter2abc', 'MACULA_REALM=home'],
    ['a header', 'Authorization: Bearer hunter2abc', 'hunter2abc', 'Authorization'],
    ['a password in a URL', 'proxy http://me:hunter2abc@proxy:8080/', 'hunter2abc', 'proxy:8080'],
  ];
  for (const [what, line, secret, kept] of lines) {
    it(`${what}, and nothing else of the line`, () => {
      const clean = redact(line, []);
      expect(clean).to.include(kept);
      expect(clean).to.not.include(secret);
    });
  }

  it('not a node id in a URL, nor what says that a secret is set', () => {
    const harmless = `macula://${'ab'.repeat(32)}@192.0.2.1:4433 {"realmSecret":{"value":"(set)","origin":"environment"}}`;
    expect(redact(harmless, [])).to.equal(harmless);
  });
});

describe('the archive of doctor', () => {
  it('is one that tar reads: names, content, sizes off and on a block', () => {
    const files = [{ name: 'd/a.txt', text: 'ä'.repeat(100) }, { name: 'd/b.txt', text: 'x'.repeat(512) }, { name: 'd/empty', text: '' }];
    const archive = tarGz(files, Date.UTC(2027, 0, 1));
    expect(gunzipSync(archive).length % 512).to.equal(0);
    const tar = (...args: string[]): string => execFileSync('tar', args, { input: archive, encoding: 'utf8' });
    expect(tar('tzf', '-').trim().split('\n')).to.deep.equal(files.map(({ name }) => name));
    for (const { name, text } of files) expect(tar('xzOf', '-', name)).to.equal(text);
  });
});
