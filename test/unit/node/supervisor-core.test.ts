import { expect } from 'chai';
import { SupervisorCore, type SupervisorPolicy } from '../../../src/lib/node/supervisor-core.js';

const policy: SupervisorPolicy = { strategy: 'one_for_one', maxRestarts: 3, withinMs: 1000, backoffMinMs: 100, backoffMaxMs: 150 };
const children = ['store', 'endpoint', 'sessions', 'peers'];

describe('SupervisorCore', () => {
  it('restarts a failed child alone under one_for_one', () => {
    const decision = new SupervisorCore(children, policy).failed('endpoint', 0);
    expect(decision).to.deep.equal({ kind: 'restart', stop: ['endpoint'], start: ['endpoint'], delayMs: 0 });
  });

  it('restarts a failed child with all started after it under rest_for_one, stopping in reverse order', () => {
    const decision = new SupervisorCore(children, { ...policy, strategy: 'rest_for_one' }).failed('endpoint', 0);
    expect(decision).to.deep.equal({
      kind: 'restart',
      stop: ['peers', 'sessions', 'endpoint'],
      start: ['endpoint', 'sessions', 'peers'],
      delayMs: 0,
    });
  });

  it('waits longer before each further restart within the period, up to a limit', () => {
    const core = new SupervisorCore(children, policy);
    const delays = [0, 10, 20].map((nowMs) => {
      const decision = core.failed('peers', nowMs);
      return decision.kind === 'restart' ? decision.delayMs : undefined;
    });
    expect(delays).to.deep.equal([0, 100, 150]);
  });

  it('gives up when restarts come faster than the intensity allows, whichever child fails', () => {
    const core = new SupervisorCore(children, policy);
    core.failed('peers', 0);
    core.failed('store', 1);
    core.failed('peers', 2);
    expect(core.failed('sessions', 3)).to.deep.equal({ kind: 'give-up', restarts: 3 });
  });

  it('forgets restarts that are older than the period', () => {
    const core = new SupervisorCore(children, policy);
    for (const nowMs of [0, 1, 2]) core.failed('peers', nowMs);
    expect(core.failed('peers', 1003)).to.include({ kind: 'restart', delayMs: 0 });
  });
});
