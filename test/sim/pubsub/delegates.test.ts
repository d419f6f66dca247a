import { expect } from 'chai';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { PubSubMesh, type MeshNode } from './pubsub-mesh.js';

const topic = 'crowd.all';
const crowd = 12;
const settings = { pubsubDirectSubscribers: 4 };

describe('a topic with more subscribers than its publisher sends to', () => {
  let mesh: PubSubMesh;
  let publisher: MeshNode;
  let members: MeshNode[];

  beforeEach(async () => {
    mesh = new PubSubMesh(1);
    publisher = await mesh.add(settings);
    members = [];
    for (let count = 0; count < crowd; count++) members.push(await mesh.add());
    for (const member of members) await mesh.subscribe(member, topic);
    await mesh.until(publisher.pubsub.publish(topic, Buffer.from('first'), { qos: 1 }));
    mesh.sent.length = 0;
  });
  afterEach(() => mesh.stop());

  const publish = (text: string, qos: 0 | 1 = 1): ReturnType<typeof publisher.pubsub.publish> => publisher.pubsub.publish(topic, Buffer.from(text), { qos });
  const textsOf = ({ messages }: MeshNode): string[] => messages.map(({ payload }) => Buffer.from(payload).toString());
  const delegates = (): MeshNode[] => {
    const ids = new Set(mesh.sent.filter(({ type }) => type === FrameType.pubsubRoute).map(({ to }) => to));
    return members.filter(({ nodeId }) => ids.has(nodeId));
  };

  for (const qos of [0, 1] as const) {
    it(`gets each message to every one of them once with QoS ${qos}, from a few delegates`, async () => {
      const texts = Array.from({ length: 20 }, (_, index) => String(index));
      for (const text of texts) expect(await mesh.until(publish(text, qos))).to.include({ subscribers: crowd, delivered: crowd });
      await mesh.clock.advanceAsync(1000);
      for (const member of members) expect(textsOf(member)).to.deep.equal(['first', ...texts]);
      expect(delegates()).to.have.length(4);
      const direct = mesh.sent.filter(({ from, type }) => from === publisher.nodeId && type === FrameType.publish);
      expect(direct).to.deep.equal([]);
      expect(publisher.pubsub.stats()).to.include({ delegates: 4, delegatesLost: 0 });
      const forwarded = members.reduce((sum, { pubsub }) => sum + pubsub.stats().messagesForwarded, 0);
      expect(forwarded).to.equal(((qos === 1 ? 1 : 0) + texts.length) * (crowd - 4) + (qos === 1 ? 0 : crowd - 4));
    });
  }

  it('loses nothing when a delegate dies in the middle', async () => {
    await mesh.until(publish('before'));
    const [doomed] = delegates();
    const sent = Array.from({ length: 10 }, (_, index) => publish(`m${index}`));
    await mesh.clock.advanceAsync(7);
    mesh.disconnect(doomed!);
    for (let index = 10; index < 20; index++) sent.push(publish(`m${index}`));
    await mesh.until(Promise.all(sent));
    const expected = ['first', 'before', ...Array.from({ length: 20 }, (_, index) => `m${index}`)];
    for (const member of members) if (member !== doomed) expect(textsOf(member)).to.deep.equal(expected);
    for (const { gaps } of members) expect(gaps).to.deep.equal([]);
    expect(publisher.pubsub.stats().delegatesLost).to.equal(1);
  });

  it('reaches a member that its delegate cannot reach', async () => {
    await mesh.until(publish('before'));
    const all = delegates();
    for (const delegate of all) {
      delegate.tamper = (type, body) => (type === FrameType.pubsubForward ? ['not', 'a', 'frame'] : body);
    }
    const results = await mesh.until(Promise.all(['a', 'b', 'c'].map((text) => publish(text))));
    for (const result of results) expect(result).to.include({ subscribers: crowd, delivered: crowd });
    for (const member of members) expect(textsOf(member)).to.deep.equal(['first', 'before', 'a', 'b', 'c']);
  });

  it('finds out a delegate that alters what it passes on, and delivers the true messages', async () => {
    await mesh.until(publish('before'));
    const [rogue] = delegates();
    rogue!.tamper = (type, body) => {
      if (type !== FrameType.pubsubForward) return body;
      const [link, first, bundles] = body as [number, number, [Uint8Array, Uint8Array][]];
      return [link, first, bundles.map(([payload, signature]) => [Buffer.from(payload).fill(0x58, payload.length - 1), signature])];
    };
    expect(await mesh.until(publish('truth'))).to.include({ delivered: crowd });
    for (const member of members) expect(textsOf(member)).to.deep.equal(['first', 'before', 'truth']);
    expect(members.reduce((sum, { pubsub }) => sum + pubsub.stats().refused.signature, 0)).to.be.greaterThan(0);
  });

  it('is passed on for its publisher only, and by nobody to too many', async () => {
    await mesh.until(publish('before'));
    const [delegate] = delegates();
    const [stranger, small] = [await mesh.add(), await mesh.add({ pubsubMaxForwarded: 2 })];
    const taken: unknown[] = [];
    publisher.tamper = (type, body) => {
      if (type === FrameType.pubsubRoute) taken.push((body as unknown[])[4]);
      return body;
    };
    await mesh.until(publish('stolen'));
    const route = ({ handlers }: MeshNode, targets: unknown[]): unknown => handlers.get(FrameType.pubsubRoute)!.handler([1, 0, targets, 100, taken[0]], stranger.nodeId);
    const before = delegate!.pubsub.stats();
    expect(await route(delegate!, [[Buffer.alloc(32), []]])).to.deep.equal([1, [], [0]]);
    expect(delegate!.pubsub.stats().refused.foreign).to.equal(before.refused.foreign + 1);
    expect(() => route(small, Array.from({ length: 3 }, (_, index) => [Buffer.alloc(32, index), []]))).to.throw().with.property('code', 'MACULA_OVERLOADED');
    expect(small.pubsub.stats().refused.limit).to.equal(1);
  });

  it('takes in who comes and lets go who leaves', async () => {
    const late = await mesh.add();
    await mesh.subscribe(late, topic);
    expect(await mesh.until(publish('a'))).to.include({ subscribers: crowd + 1, delivered: crowd + 1 });
    const [leaving] = delegates();
    leaving!.local.closeAll();
    await mesh.clock.advanceAsync(100);
    expect(await mesh.until(publish('b'))).to.include({ subscribers: crowd, delivered: crowd });
    expect(textsOf(late)).to.deep.equal(['a', 'b']);
    expect(textsOf(leaving!)).to.deep.equal(['first', 'a']);
  });
});
