import { expect } from 'chai';
import { nodeIdFromBytes, nodeIdOf, nodeIdToBytes, parseNodeId, shortNodeId } from '../../../src/lib/identity/node-id.js';

describe('node ids', () => {
  const id = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it('are the SHA-256 of the key bytes (FIPS 180-4 example)', () => expect(nodeIdOf(Buffer.from('abc'))).to.equal(id));
  it('survive the way over the wire', () => expect(nodeIdFromBytes(nodeIdToBytes(id))).to.equal(id));
  it('are read from a view into larger bytes', () => expect(nodeIdFromBytes(Buffer.concat([Buffer.alloc(5), nodeIdToBytes(id)]).subarray(5))).to.equal(id));
  it('are shortened for people', () => expect(shortNodeId(id)).to.equal('ba7816bf'));
  for (const length of [0, 31, 33]) {
    it(`are not read from ${length} bytes`, () => expect(nodeIdFromBytes(new Uint8Array(length))).to.equal(undefined));
  }
  const texts: [string, string | undefined][] = [[id, id], [id.toUpperCase(), id], [id.slice(1), undefined], [`${id}0`, undefined], [`g${id.slice(1)}`, undefined], ['', undefined]];
  for (const [text, read] of texts) {
    it(`${read === undefined ? 'are not' : 'are'} read from ${JSON.stringify(text)}`, () => expect(parseNodeId(text)).to.equal(read));
  }
});
