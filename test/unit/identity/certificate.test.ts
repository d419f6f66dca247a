import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { certify, generateIdentity } from '../../../src/lib/identity/certificate.js';
import { keyTypes } from '../../../src/lib/identity/identity.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { identityAt, now } from './certificate-fixtures.js';

describe('a generated certificate', () => {
  for (const keyType of keyTypes) {
    it(`of ${keyType} names the node, this machine and both roles, and belongs to its key`, async () => {
      const identity = await identityAt(now, keyType);
      const x509 = new X509Certificate(identity.certificatePem);
      expect(identity.keyType).to.equal(keyType);
      expect(identity.nodeId).to.match(/^[0-9a-f]{64}$/);
      expect(x509.subject).to.equal(`CN=macula-node-${identity.nodeId.slice(0, 8)}`);
      expect(x509.issuer).to.equal(x509.subject);
      expect(x509.checkHost('localhost')).to.equal('localhost');
      expect(x509.checkIP('127.0.0.1')).to.equal('127.0.0.1');
      expect(x509.checkIP('::1')).to.equal('::1');
      expect(x509.keyUsage).to.have.members(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
      expect(x509.ca).to.equal(false);
      expect(x509.checkPrivateKey(createPrivateKey(identity.privateKeyPem))).to.equal(true);
      expect(identity.privateKeyPem).to.match(/^-----BEGIN PRIVATE KEY-----\n/);
      expect(identity.certificatePem).to.match(/-----END CERTIFICATE-----\n$/);
    });
  }

  it('is valid from a day ago for ten years', async () => {
    const x509 = new X509Certificate((await identityAt(now)).certificatePem);
    expect(Date.parse(x509.validFrom)).to.equal(now - 86_400_000);
    expect(x509.validTo).to.equal('Jun  1 12:00:00 2036 GMT');
  });

  it('has a dated validity beyond 2050, where X.509 changes the notation', async () => {
    const x509 = new X509Certificate((await identityAt(Date.UTC(2045, 0, 1))).certificatePem);
    expect([x509.validFrom, x509.validTo]).to.deep.equal(['Dec 31 00:00:00 2044 GMT', 'Jan  1 00:00:00 2055 GMT']);
  });

  it('has a positive serial number of 16 bytes whatever the random source says', async () => {
    for (const byte of [0x00, 0xff]) {
      const random = { ...seededRandom(1), bytes: (length: number) => new Uint8Array(length).fill(byte) };
      const { certificatePem } = await generateIdentity('ed25519', { clock: new VirtualClock(now), random });
      expect(new X509Certificate(certificatePem).serialNumber).to.match(byte === 0 ? /^40(00){15}$/ : /^7F(FF){15}$/);
    }
  });

  it('has a key of its own each time, even from the same seed', async () => {
    const components = () => ({ clock: new VirtualClock(now), random: seededRandom(7) });
    const [one, two] = [await generateIdentity('ed25519', components()), await generateIdentity('ed25519', components())];
    expect(one.nodeId).not.to.equal(two.nodeId);
  });

  it('can be renewed for the same key, and the node id stays', async () => {
    const old = await identityAt(now);
    const renewed = await certify(createPrivateKey(old.privateKeyPem), { clock: new VirtualClock(now + 1e10), random: seededRandom(1) });
    expect(renewed.nodeId).to.equal(old.nodeId);
    expect(renewed.privateKeyPem).to.equal(old.privateKeyPem);
    expect(new X509Certificate(renewed.certificatePem).validTo).not.to.equal(new X509Certificate(old.certificatePem).validTo);
  });
});
