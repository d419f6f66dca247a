import { expect } from 'chai';
import { ClosingTable } from '../../../src/lib/transport/closing-table.js';
import { VirtualClock } from '../../support/virtual-clock.js';

describe('the table of closed connections', () => {
  it('repeats the close to a peer that goes on sending, ever more rarely', () => {
    const table = new ClosingTable(new VirtualClock());
    const packet = Buffer.alloc(40);
    table.remember('a', packet);
    const answers = Array.from({ length: 16 }, () => table.answer('a', 100) !== undefined);
    expect(answers.flatMap((answered, index) => (answered ? [index + 1] : []))).to.deep.equal([1, 2, 4, 8, 16]);
    expect(table.answer('b', 100)).to.equal(undefined);
  });

  it('sends no more than three times what came', () => {
    const table = new ClosingTable(new VirtualClock());
    table.remember('a', Buffer.alloc(91));
    expect(table.answer('a', 30)).to.equal(undefined);
    expect(table.answer('a', 31)).to.have.length(91);
  });

  it('forgets after three seconds', () => {
    const clock = new VirtualClock();
    const table = new ClosingTable(clock);
    table.remember('a', Buffer.alloc(40));
    clock.advance(3001);
    expect(table.answer('a', 100)).to.equal(undefined);
    table.remember('b', Buffer.alloc(40));
    expect(table.size).to.equal(1);
  });

  it('never holds more than 4096', () => {
    const table = new ClosingTable(new VirtualClock());
    for (let count = 0; count < 5000; count += 1) table.remember(`id ${count}`, Buffer.alloc(1));
    expect(table.size).to.equal(4096);
    expect(table.knows('id 0')).to.equal(false);
    expect(table.knows('id 4999')).to.equal(true);
  });
});
