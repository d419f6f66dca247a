import { expect } from 'chai';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { maxParallelDials, PeersCore, type PeersEffect, type PeersEvent } from '../../../src/lib/peers/peers-core.js';

const settings = { maxPeers: 4, maxKnownPeers: 20, reconnectMinMs: 500, reconnectMaxMs: 30_000 };
const url = 'https://first.example:4433';

/** A core with its own time, so that a test reads as a story. */
class Story {
  readonly core: PeersCore;
  nowMs = 1000;

  constructor(seed = 1, changed: Partial<typeof settings> = {}) {
    this.core = new PeersCore(seededRandom(seed), { ...settings, ...changed });
  }

  handle(event: PeersEvent): string[] {
    return this.core.handle(event, this.nowMs).map(brief);
  }

  learn(...nodeIds: string[]): string[] {
    return nodeIds.flatMap((nodeId) => this.handle({ kind: 'added', key: nodeId, origin: 'learned', nodeId }));
  }

  configure(nodeId?: string): string[] {
    return this.handle({ kind: 'added', key: url, origin: 'configured', nodeId });
  }

  connect(key: string, nodeId = key): string[] {
    return [...this.handle({ kind: 'opened', nodeId }), ...this.handle({ kind: 'dialled', key, nodeId })];
  }

  fail(key: string, code: ErrorCode = 'MACULA_UNREACHABLE'): string[] {
    return this.handle({ kind: 'dialFailed', key, failure: { code, message: 'why' } });
  }

  /** Lets time pass up to the next deadline. */
  wait(): { pausedMs: number; effects: string[] } {
    const deadlineMs = this.core.nextDeadline()!;
    const pausedMs = deadlineMs - this.nowMs;
    this.nowMs = deadlineMs;
    return { pausedMs, effects: this.core.handleTimeout(this.nowMs).map(brief) };
  }

  state(key: string): string | undefined {
    return this.core.entry(key)?.state.kind;
  }
}

function brief(effect: PeersEffect): string {
  return effect.kind === 'forget' ? `forget ${effect.nodeId}` : `${effect.kind} ${effect.key}`;
}

describe('the decision whom to dial', () => {
  it('dials a configured peer at once and knows its id from then on', () => {
    const story = new Story();
    expect(story.configure()).to.deep.equal([`dial ${url}`]);
    expect(story.connect(url, 'a')).to.deep.equal([]);
    expect(story.core.entry(url)).to.deep.include({ nodeId: 'a', everConnected: true });
    expect(story.core.entries(), 'no second entry for the same node').to.have.length(1);
    expect(story.learn('a'), 'known under its URL').to.deep.equal([]);
  });

  it('dials a lost peer again after a pause that grows up to the maximum, and never gives up a configured one', () => {
    const story = new Story();
    story.configure();
    story.connect(url, 'a');
    story.nowMs += 60_000;
    story.handle({ kind: 'closed', nodeId: 'a' });
    for (let failures = 1; failures < 400; failures++) {
      const { pausedMs, effects } = story.wait();
      expect(effects).to.deep.equal([`dial ${url}`]);
      expect(pausedMs).to.be.within(500, Math.min(30_000, 500 * 2 ** failures));
      story.fail(url);
    }
    expect(story.state(url)).to.equal('waiting');
  });

  it('does not dial in a loop a peer that hangs up at once', () => {
    const story = new Story(3);
    story.configure();
    let longestMs = 0;
    for (let round = 0; round < 10; round++) {
      story.connect(url, 'a');
      story.handle({ kind: 'closed', nodeId: 'a' });
      longestMs = Math.max(longestMs, story.wait().pausedMs);
    }
    expect(longestMs).to.be.greaterThan(10_000);
  });

  it('pauses when a session is gone before its dial is told, too', () => {
    const story = new Story();
    story.configure();
    story.handle({ kind: 'opened', nodeId: 'a' });
    story.handle({ kind: 'closed', nodeId: 'a' });
    expect(story.handle({ kind: 'dialled', key: url, nodeId: 'a' })).to.deep.equal([]);
    expect(story.state(url)).to.equal('waiting');
  });

  const refusing: ErrorCode[] = ['MACULA_REALM_MISMATCH', 'MACULA_PIN_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_PEER_UNTRUSTED', 'MACULA_VERSION_MISMATCH'];
  for (const code of refusing) {
    it(`shows a configured peer as refused on ${code}, asks again after a minute, and forgets a stranger`, () => {
      const story = new Story();
      story.configure();
      story.fail(url, code);
      expect(story.core.entry(url)).to.deep.include({ state: { kind: 'refused', untilMs: story.core.nextDeadline() }, lastFailure: { code, message: 'why' } });
      expect(story.handle({ kind: 'hinted', key: url, evenIfRefused: false })).to.deep.equal([]);
      const { pausedMs, effects } = story.wait();
      expect(pausedMs).to.be.within(60_000, 90_000);
      expect(effects).to.deep.equal([`dial ${url}`]);
      story.learn('b');
      expect(story.fail('b', code)).to.deep.equal(['forget b']);
      expect(story.learn('b'), 'not learned again at once').to.deep.equal([]);
      story.nowMs += 11 * 60_000;
      expect(story.learn('b')).to.deep.equal(['dial b']);
    });
  }

  it('dials a refused peer at once when a user asks', () => {
    const story = new Story();
    story.configure();
    story.fail(url, 'MACULA_PIN_MISMATCH');
    expect(story.handle({ kind: 'hinted', key: url, evenIfRefused: true })).to.deep.equal([`dial ${url}`]);
  });

  it('takes a refusal at the end of a session for more than a loss', () => {
    const story = new Story();
    story.handle({ kind: 'opened', nodeId: 'a' });
    story.handle({ kind: 'closed', nodeId: 'a', refusal: { code: 'MACULA_PEER_UNTRUSTED', message: 'no' } });
    expect(story.state('a')).to.equal('refused');
    story.handle({ kind: 'opened', nodeId: 'b' });
    story.handle({ kind: 'closed', nodeId: 'b' });
    expect(story.state('b')).to.equal('waiting');
  });

  it('keeps maxPeers connected by itself and uses the others when one is lost', () => {
    const story = new Story();
    expect(story.learn('a', 'b', 'c', 'd', 'e', 'f')).to.deep.equal(['dial a', 'dial b', 'dial c', 'dial d']);
    for (const nodeId of ['a', 'b', 'c', 'd']) expect(story.connect(nodeId)).to.deep.equal([]);
    expect(story.configure(), 'configured peers come on top').to.deep.equal([`dial ${url}`]);
    story.connect(url, 'g');
    expect(story.handle({ kind: 'closed', nodeId: 'a' })).to.deep.equal([]);
    expect(story.handle({ kind: 'closed', nodeId: 'b' })).to.deep.equal(['dial e']);
  });

  it('forgets a learned peer that never answers while others do, but none while it is alone', () => {
    const alone = new Story();
    alone.learn('a');
    for (let round = 0; round < 300; round++) {
      expect(alone.fail('a')).to.deep.equal([]);
      expect(alone.wait().effects).to.deep.equal(['dial a']);
    }
    const social = new Story();
    social.handle({ kind: 'opened', nodeId: 'b' });
    social.learn('a');
    for (let round = 0; round < 4; round++) {
      social.fail('a');
      social.wait();
    }
    expect(social.fail('a')).to.deep.equal(['forget a']);
  });

  it('dials a node once, however many names it has', () => {
    const story = new Story();
    story.configure('a');
    expect(story.handle({ kind: 'added', key: 'a', origin: 'wanted', nodeId: 'a' })).to.deep.equal([]);
    expect(story.fail(url), 'its turn comes when the other dial has failed').to.deep.equal(['dial a']);
    story.connect('a');
    expect([story.state('a'), story.state(url)]).to.deep.equal(['connected', 'connected']);
  });

  it('keeps a peer that connected by itself', () => {
    const story = new Story();
    expect(story.handle({ kind: 'opened', nodeId: 'a' })).to.deep.equal([]);
    story.handle({ kind: 'closed', nodeId: 'a' });
    expect(story.wait().effects).to.deep.equal(['dial a']);
  });

  it('gives up the dial of a peer that was removed, and does not learn it again for a while', () => {
    const story = new Story();
    story.learn('a');
    expect(story.handle({ kind: 'removed', key: 'a', shun: true })).to.deep.equal(['abandon a']);
    expect(story.fail('a', 'MACULA_ABORTED')).to.deep.equal([]);
    expect(story.learn('a')).to.deep.equal([]);
    expect(story.handle({ kind: 'added', key: 'a', origin: 'wanted', nodeId: 'a' }), 'unless a user wants it').to.deep.equal(['dial a']);
  });

  it('bounds what it learns, at the cost of those that failed', () => {
    const story = new Story(1, { maxPeers: 100 });
    for (let index = 0; index < 50; index++) story.learn(`n${index}`);
    expect(story.core.entries()).to.have.length(20);
    story.fail('n3');
    story.learn('late');
    expect(story.core.entry('n3')).to.equal(undefined);
    expect(story.core.entry('late')).to.not.equal(undefined);
  });

  it('dials those it was connected to before strangers', () => {
    const story = new Story(1, { maxPeers: 1 });
    story.learn('busy', 'stranger');
    story.handle({ kind: 'added', key: 'friend', origin: 'learned', nodeId: 'friend', everConnected: true });
    expect(story.fail('busy')).to.deep.equal(['dial friend']);
  });

  it('holds its limits in any order of events', () => {
    for (let seed = 1; seed <= 60; seed++) simulate(seed);
  });
});

/** A random life of forty nodes, some of them dead, some refusing; checks what must hold after each event. */
function simulate(seed: number): void {
  const random = seededRandom(seed);
  const limits = { ...settings, maxPeers: 1 + random.integer(30), maxKnownPeers: 60 };
  const core = new PeersCore(random, limits);
  const connected = new Set<string>();
  const dials = new Map<string, string>();
  const urls = new Map([['https://u1:1', 'n0'], ['https://u2:2', 'n1']]);
  let nowMs = 0;
  const fail = (why: string): never => expect.fail(`seed ${seed}: ${why}`);
  const perform = (effects: PeersEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind !== 'dial') continue;
      const nodeId = urls.get(effect.key) ?? effect.key;
      const entry = core.entry(effect.key)!;
      if (dials.has(effect.key)) fail(`two dials to ${effect.key}`);
      if (entry.nodeId !== undefined && connected.has(entry.nodeId)) fail(`${nodeId} is connected and dialled`);
      if (entry.nodeId !== undefined && [...dials.keys()].some((key) => core.entry(key)?.nodeId === entry.nodeId)) fail(`two dials to ${nodeId}`);
      dials.set(effect.key, nodeId);
      if (dials.size > maxParallelDials) fail('too many dials');
      if (entry.origin === 'learned' && connected.size + dials.size > limits.maxPeers) fail('more than maxPeers by its own choice');
    }
  };
  const end = (key: string): void => {
    const nodeId = dials.get(key)!;
    dials.delete(key);
    if (random.integer(3) === 0) {
      if (!connected.has(nodeId)) perform(openedFirst(nodeId));
      perform(core.handle({ kind: 'dialled', key, nodeId }, nowMs));
    } else {
      perform(core.handle({ kind: 'dialFailed', key, failure: { code: random.integer(4) ? 'MACULA_UNREACHABLE' : 'MACULA_REALM_MISMATCH', message: '' } }, nowMs));
    }
  };
  const openedFirst = (nodeId: string): PeersEffect[] => {
    connected.add(nodeId);
    return core.handle({ kind: 'opened', nodeId }, nowMs);
  };
  for (let step = 0; step < 400; step++) {
    nowMs += random.integer(2000);
    perform(core.handleTimeout(nowMs));
    const nodeId = `n${random.integer(40)}`;
    switch (random.integer(6)) {
      case 0:
        perform(core.handle({ kind: 'added', key: nodeId, origin: 'learned', nodeId }, nowMs));
        break;
      case 1:
        perform(core.handle({ kind: 'added', key: [...urls.keys()][random.integer(2)]!, origin: 'configured' }, nowMs));
        break;
      case 2:
        if (!connected.has(nodeId)) perform(openedFirst(nodeId));
        break;
      case 3:
        if (connected.delete(nodeId)) perform(core.handle({ kind: 'closed', nodeId }, nowMs));
        break;
      default:
        if (dials.size > 0) end([...dials.keys()][random.integer(dials.size)]!);
    }
    if (core.entries().length > limits.maxKnownPeers + connected.size) fail('too many entries');
  }
}
