import { expect } from 'chai';
import type { Contact } from '../../../src/lib/dht/contact.js';
import type { ReplicaOutcome } from '../../../src/lib/dht/dht-operations.js';
import { Replica } from '../../../src/lib/dht/replica.js';
import { StoreRun } from '../../../src/lib/dht/store-run.js';
import { contactAt } from './ids.js';
import { keys, recordOf } from './record-fixtures.js';
import { RequestLab } from './request-lab.js';

const stored = { type: 'stored' } as const;
/** Time after which a peer without a session counts as slow. */
const slowMs = 1000;

class StoreLab extends RequestLab {
  readonly names = new Map<Contact, string>();
  outcomes: string[] | undefined;
  readonly run: StoreRun;
  readonly #byName = new Map<string, Contact>();

  /** Stores at a, b and c, of which two must confirm; d, e … stand by. */
  constructor({ quorum = 2, spare = ['d', 'e'] }: { quorum?: number; spare?: string[] } = {}) {
    super();
    const contact = (name: string): Contact => {
      const made = contactAt([name.charCodeAt(0)]);
      this.names.set(made, name);
      this.#byName.set(name, made);
      return made;
    };
    this.run = new StoreRun(this.context, {
      record: recordOf(keys.shared).signed, expectedSequence: undefined, local: false, quorum,
      targets: ['a', 'b', 'c'].map(contact), spare: spare.map(contact),
      onFinished: (outcomes) => (this.outcomes = outcomes.map((outcome) => this.#shown(outcome))),
    });
    this.run.start(new Replica(this.context, { maxBytes: 1e6, maxBytesPerSource: 1e6, maxRecordsPerPublisher: 100, maxProvidersPerKey: 100, maxSequenceMarks: 10 }));
  }

  at(name: string): Contact {
    return this.#byName.get(name)!;
  }

  /** Who is asked and has not answered. */
  get waiting(): string {
    return this.asked(this.names).join('');
  }

  #shown({ contact, answer }: ReplicaOutcome): string {
    return `${this.names.get(contact)} ${answer.type}`;
  }
}

describe('storing a record at its replicas', () => {
  it('is done when all have it', () => {
    const lab = new StoreLab();
    for (const name of ['a', 'b', 'c']) {
      expect(lab.outcomes).to.equal(undefined);
      lab.answer(lab.at(name), stored);
    }
    expect(lab.outcomes).to.deep.equal(['a stored', 'b stored', 'c stored']);
    expect(lab.waiting).to.equal('');
  });

  it('asks the next closest in the place of one that is slow, once, and goes on waiting for its answer', () => {
    const lab = new StoreLab({ quorum: 3 });
    lab.answer(lab.at('a'), stored);
    lab.answer(lab.at('b'), stored);
    lab.advance(slowMs - 1);
    expect(lab.waiting).to.equal('c');
    lab.advance(1);
    expect(lab.waiting, 'the next stands in').to.equal('cd');
    lab.fail(lab.at('c'), 'timed-out');
    expect(lab.waiting, 'it has its successor already').to.equal('d');
    lab.answer(lab.at('d'), stored);
    expect(lab.outcomes).to.deep.equal(['a stored', 'b stored', 'c failed', 'd stored']);
  });

  it('counts a slow one that answers after all, beside its successor', () => {
    const lab = new StoreLab({ quorum: 3 });
    lab.answer(lab.at('a'), stored);
    lab.answer(lab.at('b'), stored);
    lab.advance(slowMs);
    lab.answer(lab.at('c'), stored);
    lab.answer(lab.at('d'), stored);
    expect(lab.outcomes).to.deep.equal(['a stored', 'b stored', 'c stored', 'd stored']);
  });

  it('replaces slow successors, too, while there are others', () => {
    const lab = new StoreLab({ quorum: 3, spare: ['d', 'e', 'f'] });
    lab.answer(lab.at('a'), stored);
    lab.answer(lab.at('b'), stored);
    lab.advance(slowMs);
    // The first two answered at once, so that no more than the least time is due to the others.
    lab.advance(2 * lab.settings.dhtMinRequestTimeoutMs);
    expect(lab.waiting).to.equal('cdef');
    lab.answer(lab.at('e'), stored);
    expect(lab.outcomes, 'three have it; the slow are not waited for, but f may answer in time').to.equal(undefined);
    lab.advance(lab.settings.dhtMinRequestTimeoutMs);
    expect(lab.outcomes).to.deep.equal(['a stored', 'b stored', 'c failed', 'd failed', 'e stored', 'f failed']);
  });

  it('does not wait for slow ones once enough have it, and still replaces who fails later', () => {
    const lab = new StoreLab();
    lab.answer(lab.at('a'), stored);
    lab.answer(lab.at('b'), stored);
    lab.advance(slowMs);
    expect(lab.outcomes, 'enough had it, and the grace for the third is over').to.deep.equal(['a stored', 'b stored', 'c failed']);
    lab.fail(lab.at('c'), 'timed-out');
    expect(lab.waiting).to.equal('d');
    lab.fail(lab.at('d'), 'unreachable');
    expect(lab.waiting).to.equal('e');
  });

  it('replaces one that refuses for its own reasons, not one that refuses the record', () => {
    const lab = new StoreLab();
    lab.answer(lab.at('a'), { type: 'refused', reason: 'publisher-quota' });
    expect(lab.waiting).to.equal('bcd');
    lab.answer(lab.at('b'), { type: 'refused', reason: 'stale-sequence' });
    expect(lab.waiting).to.equal('cd');
  });

  it('replaces nobody any more once it was aborted', () => {
    const lab = new StoreLab();
    lab.run.abort();
    lab.advance(10 * slowMs);
    lab.fail(lab.at('a'), 'timed-out');
    expect([lab.waiting, lab.outcomes]).to.deep.equal(['bc', undefined]);
  });
});
