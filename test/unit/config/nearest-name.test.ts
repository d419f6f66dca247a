import { expect } from 'chai';
import { nearestName } from '../../../src/lib/config/nearest-name.js';

describe('the nearest name', () => {
  const names = ['quicPort', 'realm', 'host', 'mdns'];
  const cases: [string, string | undefined][] = [
    ['quicport', 'quicPort'],
    ['quickPort', 'quicPort'],
    ['relam', 'realm'],
    ['hst', 'host'],
    ['x', undefined],
    ['something', undefined],
    ['r'.repeat(100_000), undefined],
  ];
  for (const [written, meant] of cases) {
    it(`to ${written.slice(0, 20)} is ${meant}`, () => expect(nearestName(written, names)).to.equal(meant));
  }

  it('among none is none', () => expect(nearestName('realm', [])).to.equal(undefined));
});
