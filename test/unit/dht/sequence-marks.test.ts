import { expect } from 'chai';
import { markName, SequenceMarks } from '../../../src/lib/dht/sequence-marks.js';

describe('sequence marks', () => {
  it('only rise, and live as long as the longest wish', () => {
    const marks = new SequenceMarks(10);
    const name = markName('key', 'publisher');
    expect(marks.lowest('key', 'publisher')).to.equal(0);
    marks.raise(name, 5, 100);
    expect(marks.raise(name, 3, 200).mark).to.deep.equal({ sequence: 5, expiresMs: 200 });
    expect(marks.raise(name, 7, 150).mark).to.deep.equal({ sequence: 7, expiresMs: 200 });
    expect(marks.lowest('key', 'publisher')).to.equal(7);
    expect(marks.lowest('key', 'other')).to.equal(0);
    expect(marks.expire(199)).to.deep.equal([]);
    expect(marks.expire(200)).to.deep.equal([name]);
    expect([marks.size, marks.lowest('key', 'publisher')]).to.deep.equal([0, 0]);
  });

  it('drop the one raised longest ago when there are too many', () => {
    const marks = new SequenceMarks(2);
    marks.raise('a', 1, 100);
    marks.raise('b', 1, 100);
    marks.raise('a', 2, 100);
    expect(marks.raise('c', 1, 100).dropped).to.deep.equal(['b']);
    expect(marks.size).to.equal(2);
  });
});
