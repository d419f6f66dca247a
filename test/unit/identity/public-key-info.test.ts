import { createECDH, generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { DerError } from '../../../src/lib/identity/der.js';
import { readPublicKeyInfo } from '../../../src/lib/identity/public-key-info.js';

function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : content.length < 256 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const rsaAlgorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
const curveAlgorithm = Buffer.from('301306072a8648ce3d020106082a8648ce3d030107', 'hex');
const edAlgorithm = Buffer.from('300506032b6570', 'hex');
const info = (algorithm: Uint8Array, key: Uint8Array, unusedBits = 0): Buffer =>
  element(0x30, algorithm, element(0x03, Buffer.from([unusedBits]), key));
const modulus = (bytes: number): Buffer => Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 0xc1)]);
const rsaInfo = (number: Uint8Array, exponent = Buffer.from([1, 0, 1])): Buffer =>
  info(rsaAlgorithm, element(0x30, element(0x02, number), element(0x02, exponent)));

describe('public keys of certificates', () => {
  const accepted: [string, Buffer, number][] = [
    ['an RSA key of 2048 bits', rsaInfo(modulus(256)), 2048],
    ['an RSA key of 4096 bits', rsaInfo(modulus(512)), 4096],
    ['an RSA key of 2049 bits', rsaInfo(Buffer.concat([Buffer.from([1]), Buffer.alloc(256)])), 2049],
    ['an Ed25519 key', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }), 256],
    ['a P-256 key', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }), 256],
  ];
  for (const [what, der, bits] of accepted) {
    it(`take ${what}`, () => expect(readPublicKeyInfo(der).bits).to.equal(bits));
  }

  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  const refused: [string, Buffer, RegExp][] = [
    ['an RSA key of 2047 bits', rsaInfo(Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(255)])), /2047 bits/],
    ['an RSA key of 4104 bits, costly to verify', rsaInfo(modulus(513)), /4104 bits/],
    ['a huge RSA exponent, costly to verify', rsaInfo(modulus(256), Buffer.alloc(5, 1)), /exponent/],
    ['a negative RSA modulus', rsaInfo(Buffer.alloc(256, 0xc1)), /not positive/],
    ['an RSA modulus with needless zeros, which would be another id', rsaInfo(Buffer.concat([Buffer.alloc(1), modulus(256)])), /shortest/],
    ['an RSA modulus of no bytes', rsaInfo(Buffer.alloc(0)), /not positive/],
    ['bytes after an RSA key', info(rsaAlgorithm, Buffer.concat([element(0x30, element(2, modulus(256)), element(2, Buffer.from([3]))), Buffer.alloc(1)])), /bytes follow/],
    ['a compressed P-256 point', info(curveAlgorithm, ecdh.getPublicKey(null, 'compressed')), /uncompressed/],
    ['a P-256 point that is too long', info(curveAlgorithm, Buffer.concat([ecdh.getPublicKey(), Buffer.alloc(1)])), /malformed/],
    ['an Ed25519 key of 31 bytes', info(edAlgorithm, Buffer.alloc(31, 1)), /malformed/],
    ['unused bits', info(edAlgorithm, Buffer.alloc(32, 1), 1), /malformed/],
    ['an empty bit string', element(0x30, edAlgorithm, element(0x03)), /malformed/],
    ['an X25519 key', generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }), /neither/],
    ['an RSA-PSS key', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'der' }), /neither/],
    ['a curve with explicit parameters', generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey.export({ type: 'spki', format: 'der' }), /neither/],
  ];
  for (const [what, der, message] of refused) {
    it(`refuse ${what}`, () => expect(() => readPublicKeyInfo(der)).to.throw(DerError, message));
  }
});
