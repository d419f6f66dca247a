import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { parseWaitCondition } from '../../../src/lib/control/wait-condition.js';

describe('wait conditions', () => {
  it('are ready, reachable, a number of peers and a key', () => {
    expect(parseWaitCondition('ready')).to.deep.equal({ kind: 'ready' });
    expect(parseWaitCondition('reachable')).to.deep.equal({ kind: 'reachable' });
    expect(parseWaitCondition('peers>=12')).to.deep.equal({ kind: 'peers', count: 12 });
    expect(parseWaitCondition('key=a=b c')).to.deep.equal({ kind: 'key', key: 'a=b c' });
  });

  for (const text of ['', 'Ready', 'peers', 'peers>1', 'peers>=', 'peers>=-1', 'peers>=1.5', 'peers>=1000000', 'key=', 'ready ']) {
    it(`${JSON.stringify(text)} is refused with what is supported`, () => {
      expect(() => parseWaitCondition(text)).to.throw(MaculaError).with.deep.include({
        code: 'MACULA_USAGE',
        hint: 'Wait for one of: ready, peers>=N, key=K, reachable.',
        details: { for: text, supported: ['ready', 'peers>=N', 'key=K', 'reachable'] },
      });
    });
  }
});
