import { expect } from 'chai';
import type { Contact } from '../../../src/lib/dht/contact.js';
import { contactAt } from './ids.js';
import { RequestLab } from './request-lab.js';

const peer = contactAt([1]);
const other = contactAt([2]);
const nothing = { type: 'contacts' as const, contacts: [] };

/** Sends a request and resolves what it came to, as events with their times. */
function ask(lab: RequestLab, contact: Contact): string[] {
  const log: string[] = [];
  lab.tracker.send(contact, { type: 'find-node', target: new Uint8Array(32) }, {
    answered: (_reply, durationMs) => log.push(`answered after ${durationMs}`),
    failed: (failure) => log.push(failure),
    slow: () => log.push(`slow at ${lab.nowMs}`),
    overdue: () => log.push(`overdue at ${lab.nowMs}`),
  });
  return log;
}

/** A peer with an open session whose round trips take 40 ms; 200 ms of silence are slow then. */
function connectedLab(): RequestLab {
  const lab = new RequestLab();
  lab.tracker.opened(peer);
  const log = ask(lab, peer);
  lab.advance(40);
  lab.answer(peer, nothing);
  expect(log).to.deep.equal(['answered after 40']);
  expect(lab.context.rtts.timeoutMs(peer.nodeId)).to.equal(120);
  lab.nowMs = 0;
  return lab;
}

describe('requests of the DHT under way', () => {
  it('turn slow after the usual time of the peer, overdue after three times that, and are answered all the same', () => {
    const lab = connectedLab();
    const log = ask(lab, peer);
    lab.advance(1000);
    lab.answer(peer, nothing);
    expect(log).to.deep.equal(['slow at 120', 'overdue at 360', 'answered after 1000']);
    expect(lab.tracker.inFlight).to.equal(0);
  });

  it('have the time of a handshake more where there is no session yet', () => {
    const lab = new RequestLab();
    const log = ask(lab, peer);
    lab.advance(3000);
    expect(log).to.deep.equal(['slow at 1000', 'overdue at 3000']);
  });

  it('get the least time of all from a peer that owes an answer, and the usual time once it has given one', () => {
    const lab = new RequestLab();
    ask(lab, peer);
    lab.advance(1000);
    const hasty = ask(lab, peer);
    const patient = ask(lab, other);
    lab.advance(300);
    expect([hasty, patient], 'nobody else suffers for it').to.deep.equal([['slow at 1100', 'overdue at 1300'], []]);
    lab.answer(peer, nothing);
    const again = ask(lab, peer);
    lab.advance(500);
    expect(again, 'a late answer settles everything it owed').to.deep.equal([]);
  });

  it('are not hurried on behalf of one that has not turned slow yet', () => {
    const lab = new RequestLab();
    ask(lab, peer);
    lab.advance(999);
    const second = ask(lab, peer);
    lab.advance(998);
    expect(second).to.deep.equal([]);
  });

  it('are owed no more once they have failed, each by itself', () => {
    const lab = new RequestLab();
    ask(lab, peer);
    ask(lab, peer);
    lab.advance(1000);
    lab.fail(peer, 'timed-out');
    const hasty = ask(lab, peer);
    lab.advance(100);
    expect(hasty).to.deep.equal(['slow at 1100']);
    lab.fail(peer, 'timed-out');
    lab.fail(peer, 'timed-out');
    const patient = ask(lab, peer);
    lab.advance(999);
    expect(patient).to.deep.equal([]);
  });

  it('are owed no more by a peer that has connected anew: what it owed died with the old connection', () => {
    const lab = connectedLab();
    ask(lab, peer);
    lab.advance(200);
    lab.tracker.closed(peer.nodeId);
    lab.tracker.opened(peer);
    const log = ask(lab, peer);
    lab.advance(119);
    expect(log).to.deep.equal([]);
    lab.advance(1);
    expect(log).to.deep.equal(['slow at 320']);
  });

  it('say of a peer whether it lives, but for failures that do not tell, also when nobody waits any more', () => {
    const lab = new RequestLab();
    for (const failure of ['overloaded', 'unsent', 'timed-out', 'malformed'] as const) {
      ask(lab, peer);
      lab.fail(peer, failure);
    }
    expect(lab.silent).to.deep.equal([{ contact: peer, broken: false }, { contact: peer, broken: true }]);
    const log: string[] = [];
    lab.tracker.cancel(lab.tracker.send(other, { type: 'find-node', target: new Uint8Array(32) }, { answered: () => log.push('answered'), failed: () => log.push('failed'), slow: () => log.push('slow') }));
    lab.advance(10_000);
    lab.answer(other, nothing);
    expect([log, lab.alive]).to.deep.equal([[], [other]]);
  });
});
