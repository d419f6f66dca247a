import { expect } from 'chai';
import fc from 'fast-check';
import { LatencyHistogram } from '../../../src/lib/bench/latency-histogram.js';

describe('the latency histogram', () => {
  it('has zeros before anything was recorded', () => {
    const empty = new LatencyHistogram();
    expect([empty.count, empty.meanMs, empty.maxMs, empty.percentile(0.5)]).to.deep.equal([0, 0, 0, 0]);
  });

  it('tells every percentile by nearest rank, never too little and at most 1/128 and a microsecond too much', () => {
    const times = fc.array(fc.double({ min: 0, max: 4_000_000, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1), (list, share) => {
        const histogram = new LatencyHistogram();
        for (const ms of list) histogram.record(ms);
        const exact = [...list].sort((a, b) => a - b)[Math.ceil(share * list.length) - 1]!;
        const told = histogram.percentile(share);
        expect(told).to.be.at.least(exact).and.at.most(exact * (1 + 1 / 128) + 0.001);
        expect(told).to.be.at.most(histogram.maxMs);
      }),
    );
  });

  it('takes times beyond its range for the longest one', () => {
    const histogram = new LatencyHistogram();
    histogram.record(1e10);
    expect(histogram.count).to.equal(1);
    expect(histogram.percentile(0.5)).to.be.above(4_000_000);
  });
});
