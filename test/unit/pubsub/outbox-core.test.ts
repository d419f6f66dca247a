import { expect } from 'chai';
import { maxFramesUnderWay, OutboxCore, type OutboxItem, type OutboxSettings } from '../../../src/lib/pubsub/outbox-core.js';

interface Item extends OutboxItem {
  readonly name: string;
}

const settings: OutboxSettings = { pubsubQueueMessages: 4, pubsubQueueBytes: 1000, pubsubBatchBytes: 100, pubsubDeadMs: 15_000 };
const item = (name: string, more: Partial<Item> = {}): Item => ({ name, bytes: 10, messages: 1, qos: 0, ...more });
const names = (items: readonly { item: Item }[]): string[] => items.map((settled) => settled.item.name);

function outbox(some: Partial<OutboxSettings> = {}): OutboxCore<Item> {
  let link = 0;
  return new OutboxCore({ ...settings, ...some }, () => link++);
}

describe('What waits for one subscriber', () => {
  it('goes out together as far as a frame holds, numbered along the link', () => {
    const core = outbox();
    for (const name of ['a', 'b', 'c']) core.enqueue(item(name, { bytes: 40 }));
    const [first, second] = [core.nextFrame(0)!, core.nextFrame(0)!];
    expect([first.first, first.items.map(({ name }) => name)]).to.deep.equal([0, ['a', 'b']]);
    expect([second.first, second.items.map(({ name }) => name)]).to.deep.equal([2, ['c']]);
    expect(core.nextFrame(0)).to.equal(undefined);
    expect(names(core.acknowledged(0, 2))).to.deep.equal(['a', 'b']);
    expect(names(core.acknowledged(0, 3))).to.deep.equal(['c']);
    expect(core.isEmpty).to.equal(true);
  });

  it('a later acknowledgement covers earlier frames', () => {
    const core = outbox();
    for (const name of ['a', 'b']) core.enqueue(item(name, { bytes: 90 }));
    core.nextFrame(0);
    core.nextFrame(0);
    expect(names(core.acknowledged(0, 2))).to.deep.equal(['a', 'b']);
    expect(core.acknowledged(0, 1)).to.deep.equal([]);
  });

  it('keeps no more under way than the window', () => {
    const core = outbox({ pubsubQueueMessages: 100, pubsubBatchBytes: 0 });
    for (let count = 0; count < 20; count++) core.enqueue(item(String(count)));
    let frames = 0;
    while (core.nextFrame(0)) frames++;
    expect(frames).to.equal(maxFramesUnderWay);
  });

  it('drops the oldest that wait when there are too many, or too many bytes, and never a position', () => {
    const core = outbox();
    core.enqueue(item('position', { messages: 0 }));
    for (const name of ['a', 'b', 'c', 'd']) expect(core.enqueue(item(name))).to.deep.equal([]);
    expect(core.enqueue(item('e'))).to.deep.equal([{ item: item('a'), outcome: 'dropped' }]);
    expect(names(core.enqueue(item('large', { bytes: 995 })))).to.deep.equal(['b', 'c', 'd', 'e']);
    expect(core.nextFrame(0)!.items.map(({ name }) => name)).to.deep.equal(['position']);
  });

  it('takes a bundle that is larger than the queue when nothing else waits', () => {
    const core = outbox();
    expect(core.enqueue(item('huge', { bytes: 5000, messages: 10 }))).to.deep.equal([]);
    expect(core.nextFrame(0)!.items).to.have.length(1);
  });

  it('sends again on a new link what was under way with QoS 1, before the rest; QoS 0 is lost', () => {
    const core = outbox();
    core.enqueue(item('zero'));
    core.enqueue(item('one', { qos: 1 }));
    core.nextFrame(0);
    core.enqueue(item('later'));
    expect(core.failed(0, 1000, 0)).to.deep.equal([{ item: item('zero'), outcome: 'lost' }]);
    expect(core.nextFrame(1000)).to.equal(undefined);
    expect(core.nextDeadline()).to.equal(1100);
    const again = core.nextFrame(1100)!;
    expect([again.link, again.first, again.items.map(({ name }) => name)]).to.deep.equal([1, 0, ['one', 'later']]);
    expect(core.acknowledged(0, 9)).to.deep.equal([]);
    expect(names(core.acknowledged(1, 2))).to.deep.equal(['one', 'later']);
  });

  it('pauses longer after each failure, with one frame at a time, until something is acknowledged', () => {
    const core = outbox({ pubsubBatchBytes: 0 });
    for (const name of ['a', 'b']) core.enqueue(item(name, { qos: 1 }));
    core.nextFrame(0);
    core.nextFrame(0);
    core.failed(0, 0, 0);
    const first = core.nextFrame(100)!;
    expect(core.nextFrame(100)).to.equal(undefined);
    core.failed(first.link, 100, 0);
    expect(core.nextFrame(250)).to.equal(undefined);
    const second = core.nextFrame(300)!;
    core.acknowledged(second.link, 1);
    expect(core.nextFrame(300)!.items[0]!.name).to.equal('b');
  });

  it('counts a subscriber as dead that acknowledged nothing for long enough', () => {
    const core = outbox();
    core.enqueue(item('a', { qos: 1 }));
    core.nextFrame(0);
    core.failed(0, 5000, 0);
    expect(core.isDead(5000, 5000)).to.equal(false);
    const frame = core.nextFrame(6000)!;
    core.failed(frame.link, 15_000, 0);
    expect(core.isDead(15_000, 5000)).to.equal(true);
    const last = core.nextFrame(16_000)!;
    core.acknowledged(last.link, 1);
    expect(core.isDead(30_000, 5000)).to.equal(false);
  });

  it('gives everything up when the subscriber is gone', () => {
    const core = outbox({ pubsubBatchBytes: 0 });
    for (const name of ['a', 'b']) core.enqueue(item(name, { qos: 1 }));
    core.nextFrame(0);
    expect(names(core.clear())).to.deep.equal(['a', 'b']);
    expect([core.isEmpty, core.queuedMessages, core.queuedBytes]).to.deep.equal([true, 0, 0]);
  });
});
