import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from '../../../src/lib/base/units.js';

describe('durations and sizes', () => {
  const durations: [string, number][] = [['500ms', 500], ['5s', 5000], ['1.5m', 90_000], ['2h', 7_200_000], ['1d', 86_400_000], [' 3s ', 3000], ['0ms', 0]];
  for (const [text, ms] of durations) {
    it(`${JSON.stringify(text)} is ${ms} ms`, () => expect(parseDurationMs(text)).to.equal(ms));
  }

  for (const text of ['', '5', 's', '-5s', '5 s', '5S', '5x', '1e3s', '5s5s', 'toString']) {
    it(`${JSON.stringify(text)} is no duration, and the error shows how to write one`, () => {
      expect(() => parseDurationMs(text)).to.throw(MaculaError).with.property('hint').that.includes('500ms');
    });
  }

  it('reads sizes in binary units', () => {
    expect(parseSizeBytes('64KiB')).to.equal(65_536);
    expect(parseSizeBytes('1.5MiB')).to.equal(1_572_864);
    expect(() => parseSizeBytes('64KB')).to.throw(MaculaError);
  });

  it('writes what it reads', () => {
    fc.assert(fc.property(fc.nat(), (value) => parseDurationMs(formatDuration(value)) === value));
    fc.assert(fc.property(fc.nat(), (value) => parseSizeBytes(formatSize(value)) === value));
  });

  it('writes the largest whole unit', () => {
    expect([5000, 1500, 60_000, 0].map(formatDuration)).to.deep.equal(['5s', '1500ms', '1m', '0ms']);
    expect([65_536, 1000, 1_048_576].map(formatSize)).to.deep.equal(['64KiB', '1000B', '1MiB']);
  });
});
