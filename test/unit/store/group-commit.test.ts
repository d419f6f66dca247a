import { expect } from 'chai';
import { GroupCommit } from '../../../src/lib/store/group-commit.js';

/** Transactions that end when the test says so. */
class Transactions {
  readonly open: { readonly end: () => void; readonly fail: (cause: Error) => void }[] = [];
  readonly run = (operations: () => void): Promise<void> => {
    operations();
    return new Promise<void>((end, fail) => this.open.push({ end, fail }));
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a group commit', () => {
  it('puts what is asked for in one turn into one transaction, and what comes meanwhile into the next', async () => {
    const transactions = new Transactions();
    const commits = new GroupCommit(transactions.run);
    const order: string[] = [];
    const done = ['a', 'b'].map((name) => commits.run(() => order.push(name)));
    await turn();
    expect(order).to.deep.equal(['a', 'b']);
    expect(transactions.open).to.have.length(1);
    done.push(...['c', 'd'].map((name) => commits.run(() => order.push(name))));
    await turn();
    expect(order, 'one transaction at a time').to.deep.equal(['a', 'b']);
    transactions.open[0]!.end();
    await Promise.all(done.slice(0, 2));
    await turn();
    expect(order).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(transactions.open).to.have.length(2);
    transactions.open[1]!.end();
    await Promise.all(done);
    await commits.idle();
  });

  it('fails all of a transaction with its reason, and nothing of the next', async () => {
    const transactions = new Transactions();
    const commits = new GroupCommit(transactions.run);
    const first = [commits.run(() => undefined), commits.run(() => undefined)];
    await turn();
    const second = commits.run(() => undefined);
    transactions.open[0]!.fail(new Error('no space'));
    const outcomes = await Promise.allSettled(first);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).to.deep.equal(['Error: no space', 'Error: no space']);
    await turn();
    transactions.open[1]!.end();
    await second;
  });

  it('fails a transaction one of whose operations throws', async () => {
    const commits = new GroupCommit(async (operations) => operations());
    const outcome = await Promise.allSettled([
      commits.run(() => {
        throw new Error('map full');
      }),
      commits.run(() => undefined),
    ]);
    expect(outcome.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    await commits.run(() => undefined);
  });

  it('bounds how much one transaction holds, and is idle once all is committed', async () => {
    const sizes: number[] = [];
    const commits = new GroupCommit(async (operations) => {
      let size = 0;
      count = () => size++;
      operations();
      sizes.push(size);
    });
    let count = (): number => 0;
    for (let index = 0; index < 1100; index++) void commits.run(() => count());
    await commits.idle();
    expect(sizes).to.deep.equal([512, 512, 76]);
  });
});
