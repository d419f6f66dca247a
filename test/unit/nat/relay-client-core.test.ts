import { expect } from 'chai';
import { RelayClientCore, type RelayClientEffect } from '../../../src/lib/nat/relay-client-core.js';

const names = ['a', 'b', 'c', 'd', 'e'];

function asked(effects: readonly RelayClientEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'ask' ? [effect.nodeId] : []));
}

function wanting(count = 3): RelayClientCore {
  const core = new RelayClientCore(count);
  core.handle({ type: 'candidates', nodeIds: names }, 0);
  return core;
}

/** Holds reservations of ten minutes with the first three, made at 0. */
function holding(): RelayClientCore {
  const core = wanting();
  for (const nodeId of asked(core.handle({ type: 'wanted', wanted: true }, 0))) core.handle({ type: 'reserved', nodeId, lifetimeMs: 600_000 }, 0);
  return core;
}

describe('which relays a node holds reservations with', () => {
  it('asks the best candidates when relays are wanted, and nobody while they are not', () => {
    const core = wanting();
    expect(core.handleTimeout(1)).to.deep.equal([]);
    expect(asked(core.handle({ type: 'wanted', wanted: true }, 1))).to.deep.equal(['a', 'b', 'c']);
    expect(asked(core.handle({ type: 'candidates', nodeIds: names }, 2))).to.deep.equal([]);
  });

  it('tells of each change, and asks another one for each that says no', () => {
    const core = wanting();
    core.handle({ type: 'wanted', wanted: true }, 0);
    expect(core.handle({ type: 'reserved', nodeId: 'b', lifetimeMs: 600_000 }, 0)).to.deep.equal([{ type: 'changed', relays: ['b'] }]);
    expect(asked(core.handle({ type: 'refused', nodeId: 'a' }, 0))).to.deep.equal(['d']);
    expect(asked(core.handle({ type: 'failed', nodeId: 'c' }, 0))).to.deep.equal(['e']);
    expect(core.held).to.deep.equal(['b']);
  });

  it('renews at half of the life, and keeps the order', () => {
    const core = holding();
    expect(core.nextDeadline()).to.equal(300_000);
    expect(asked(core.handleTimeout(300_000))).to.deep.equal(['a', 'b', 'c']);
    expect(core.handleTimeout(300_001)).to.deep.equal([]);
    expect(core.handle({ type: 'reserved', nodeId: 'a', lifetimeMs: 600_000 }, 300_002)).to.deep.equal([]);
    expect(core.held).to.deep.equal(['a', 'b', 'c']);
  });

  it('replaces a relay that is lost at once, and one whose renewal fails', () => {
    const core = holding();
    expect(core.handle({ type: 'lost', nodeId: 'b' }, 1000)).to.deep.equal([{ type: 'ask', nodeId: 'd' }, { type: 'changed', relays: ['a', 'c'] }]);
    core.handleTimeout(300_000);
    expect(core.handle({ type: 'failed', nodeId: 'a' }, 301_000)).to.deep.equal([{ type: 'ask', nodeId: 'b' }, { type: 'changed', relays: ['c'] }]);
  });

  it('asks again who failed, after a rest that is longer for who refused', () => {
    const core = wanting(1);
    core.handle({ type: 'candidates', nodeIds: ['a'] }, 0);
    core.handle({ type: 'wanted', wanted: true }, 0);
    core.handle({ type: 'failed', nodeId: 'a' }, 0);
    expect(core.nextDeadline()).to.equal(30_000);
    expect(asked(core.handleTimeout(30_000))).to.deep.equal(['a']);
    core.handle({ type: 'refused', nodeId: 'a' }, 30_000);
    expect(core.nextDeadline()).to.equal(630_000);
  });

  it('lets reservations run out when relays are not wanted any more', () => {
    const core = holding();
    core.handle({ type: 'wanted', wanted: false }, 1);
    expect(asked(core.handleTimeout(300_000))).to.deep.equal([]);
    expect(core.handleTimeout(600_000)).to.deep.equal([{ type: 'changed', relays: [] }]);
    expect(core.nextDeadline()).to.equal(undefined);
  });
});
