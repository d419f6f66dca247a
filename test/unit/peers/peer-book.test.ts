import { expect } from 'chai';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { PeerBook, type KnownPeer } from '../../../src/lib/peers/peer-book.js';
import { MemoryKeyValue } from '../../support/memory-key-value.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const at = (index: number, port = 4433) => ({ host: `10.0.${index >> 8}.${index & 255}`, port });

describe('the book of known peers', () => {
  let clock: VirtualClock;
  let store: MemoryKeyValue<KnownPeer>;
  const opened = (maxKnownPeers = 100): PeerBook => {
    const book = new PeerBook({ store, clock, logger: silentLogger }, { maxKnownPeers });
    book.load();
    return book;
  };

  beforeEach(() => {
    clock = new VirtualClock();
    store = new MemoryKeyValue();
  });

  it('survives a restart', async () => {
    const book = opened();
    book.note(a, [at(1), at(2)], 'exchanged');
    book.connected(a, at(2));
    await book.flush();
    expect(opened().addresses(a)).to.deep.equal([at(2), at(1)]);
    expect(opened().get(a)).to.deep.include({ lastConnectedMs: clock.wallMs(), failures: 0 });
  });

  it('offers what worked last first, then by how it came to be known', () => {
    const book = opened();
    book.note(a, [at(1)], 'exchanged');
    book.note(a, [at(2)], 'advertised');
    book.note(a, [at(3)], 'mdns');
    book.connected(a, at(4));
    clock.advance(1000);
    book.connected(a, at(1));
    expect(book.addresses(a)).to.deep.equal([at(1), at(4), at(3), at(2)]);
    book.dropAddress(a, at(4));
    expect(book.addresses(a)).to.deep.equal([at(1), at(3), at(2)]);
  });

  it('keeps eight addresses of a peer, and those that work whatever it is told', () => {
    const book = opened();
    book.connected(a, at(0));
    for (let round = 1; round <= 100; round++) book.note(a, [at(round), at(round, 5000)], 'exchanged');
    expect(book.addresses(a)).to.have.length(8);
    expect(book.addresses(a)[0]).to.deep.equal(at(0));
    book.note(b, [{ host: '224.0.0.1', port: 1 }, { host: '0.0.0.0', port: 1 }, { host: '10.0.0.1', port: 0 }], 'exchanged');
    expect(book.get(b)).to.equal(undefined);
  });

  it('is bounded, at the cost of peers that were never connected and not seen for longest', async () => {
    const book = opened(50);
    book.connected(a, at(0));
    for (let index = 0; index < 500; index++) {
      clock.advance(10);
      book.note(index.toString(16).padStart(64, '0'), [at(index)], 'exchanged');
      expect(book.size).to.be.at.most(50);
    }
    expect(book.get(a)).to.not.equal(undefined);
    expect(book.get((499).toString(16).padStart(64, '0'))).to.not.equal(undefined);
    await book.flush();
    expect([...store.entries()].length).to.equal(book.size);
  });

  it('writes news at once, a peer once a second at most, and nothing when only the time changed', async () => {
    const book = opened();
    book.note(a, [at(2)], 'exchanged');
    await clock.advanceAsync(50);
    expect(store.writes).to.equal(1);
    for (let round = 0; round < 100; round++) {
      book.connected(a, at(1));
      await clock.advanceAsync(9);
    }
    expect(store.writes).to.equal(1);
    await clock.advanceAsync(2000);
    expect(store.writes).to.equal(2);
    for (let round = 0; round < 50; round++) {
      book.seen(a);
      await clock.advanceAsync(1000);
    }
    expect(store.writes).to.equal(2);
    await clock.advanceAsync(30_000);
    book.seen(a);
    await book.flush();
    expect(store.writes).to.equal(3);
  });

  it('forgets on disk, too, and throws out entries that make no sense', async () => {
    await store.put('no id', { addresses: [], lastSeenMs: 0, lastConnectedMs: 0, failures: 0 });
    await store.put(b, { addresses: 'x' } as unknown as KnownPeer);
    await store.put(a, { addresses: [{ host: 'no address', port: 1, source: 'mdns', successMs: 0 }, { ...at(1), source: 'mdns', successMs: 0 }], lastSeenMs: 1, lastConnectedMs: 0, failures: 2 });
    const book = opened();
    expect(book.size).to.equal(1);
    expect(book.addresses(a)).to.deep.equal([at(1)]);
    book.forget(a);
    await book.flush();
    expect([...store.entries()]).to.deep.equal([]);
  });

  it('goes on when the disk is full', async () => {
    const book = opened();
    store.failure = new Error('no space left');
    book.note(a, [at(1)], 'mdns');
    await book.flush();
    expect(book.addresses(a)).to.deep.equal([at(1)]);
  });
});
