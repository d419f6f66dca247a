import { expect } from 'chai';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { OwnPeerRecord } from '../../../src/lib/node/peer-record-child.js';
import type { NodeParts } from '../../../src/lib/node/node-parts.js';
import { decodePeerRecord } from '../../../src/lib/wire/peer-record.js';
import { VirtualClock } from '../../support/virtual-clock.js';

describe('the peer record of a node', () => {
  let clock: VirtualClock;
  let addresses: { host: string; port: number }[];
  let others: number;
  let fails: boolean;
  let relaylessForMs: number | undefined;
  let published: string[][];
  let record: OwnPeerRecord;

  beforeEach(() => {
    clock = new VirtualClock();
    addresses = [{ host: '10.0.0.2', port: 4433 }, { host: '127.0.0.1', port: 4433 }];
    others = 1;
    fails = false;
    relaylessForMs = undefined;
    published = [];
    const dht = {
      nodes: () => Array(others).fill(undefined),
      announcePeer: async (body: Uint8Array) => {
        published.push(decodePeerRecord(body).addresses.map(({ host }) => host));
        if (fails) throw new Error('nobody took it');
      },
    };
    const parts = { dht, localAddresses: { list: () => addresses }, relayClient: { relays: () => [], get relaylessForMs() { return relaylessForMs; } } } as unknown as NodeParts;
    record = new OwnPeerRecord({ parts, clock, logger: silentLogger });
  });

  afterEach(() => record.stop());

  it('is published without any relay, without loopback addresses, and once', async () => {
    record.look();
    record.look();
    await clock.advanceAsync(120_000);
    expect(published).to.deep.equal([['10.0.0.2']]);
  });

  it('waits until there is somebody to hold it', async () => {
    others = 0;
    record.look();
    await clock.advanceAsync(10_000);
    expect(published).to.deep.equal([]);
    others = 1;
    record.look();
    await clock.advanceAsync(1000);
    expect(published).to.have.length(1);
  });

  it('is published again when an address changes, also without an event', async () => {
    record.look();
    await clock.advanceAsync(1000);
    addresses = [{ host: '45.45.45.45', port: 4433 }, ...addresses];
    record.look();
    await clock.advanceAsync(1000);
    addresses = [{ host: '10.0.0.9', port: 4433 }];
    await clock.advanceAsync(60_000);
    expect(published).to.deep.equal([['10.0.0.2'], ['45.45.45.45', '10.0.0.2'], ['10.0.0.9']]);
  });

  it('is published again when nobody took it', async () => {
    fails = true;
    record.look();
    await clock.advanceAsync(1000);
    fails = false;
    await clock.advanceAsync(60_000);
    expect(published).to.have.length(2);
  });

  it('is not put off by changes that go on', async () => {
    for (let count = 0; count < 10; count++) {
      record.look();
      await clock.advanceAsync(100);
    }
    expect(published).to.have.length(1);
  });

  it('is published again when something changes while it is published', async () => {
    record.look();
    await clock.advanceAsync(299);
    clock.advance(1);
    addresses = [{ host: '10.0.0.9', port: 4433 }];
    record.look();
    await clock.advanceAsync(1000);
    expect(published).to.deep.equal([['10.0.0.2'], ['10.0.0.9']]);
  });

  it('waits for the relays of a node that needs some, but not for ever', async () => {
    relaylessForMs = 1000;
    record.look();
    await clock.advanceAsync(14_000);
    expect(published).to.deep.equal([]);
    relaylessForMs = 15_000;
    await clock.advanceAsync(1000);
    expect(published).to.have.length(1);
  });

  it('leaves nothing behind when it stops', async () => {
    record.look();
    await clock.advanceAsync(1000);
    record.stop();
    expect(clock.pendingTimers).to.equal(0);
  });
});
