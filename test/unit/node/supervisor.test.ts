import { expect } from 'chai';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { Supervisor, type ChildSpec } from '../../../src/lib/node/supervisor.js';
import type { SupervisorPolicy } from '../../../src/lib/node/supervisor-core.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const policy: SupervisorPolicy = { strategy: 'rest_for_one', maxRestarts: 2, withinMs: 1000, backoffMinMs: 100, backoffMaxMs: 1000 };

/** Children that write down what happens to them and fail when told to. */
class Household {
  readonly diary: string[] = [];
  readonly fail = new Map<string, (error: Error) => void>();
  /** Ids whose next start throws. */
  readonly broken = new Set<string>();

  specs(...ids: string[]): ChildSpec[] {
    return ids.map((id) => ({
      id,
      start: async (fail) => {
        if (this.broken.delete(id)) throw new Error(`${id} is broken`);
        this.diary.push(`+${id}`);
        this.fail.set(id, fail);
        return async () => void this.diary.push(`-${id}`);
      },
    }));
  }
}

describe('Supervisor', () => {
  let clock: VirtualClock;
  let household: Household;
  let supervisor: Supervisor;

  beforeEach(() => {
    clock = new VirtualClock();
    household = new Household();
    supervisor = new Supervisor({ clock, logger: silentLogger }, policy, household.specs('a', 'b', 'c'));
  });

  const crash = async (id: string): Promise<void> => {
    household.fail.get(id)!(new Error(`${id} crashed`));
    await clock.advanceAsync(0);
  };

  it('starts children in order and stops them in reverse order', async () => {
    await supervisor.start();
    await supervisor.stop();
    expect(household.diary).to.deep.equal(['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  it('stops what it started when a later child cannot start, and passes the error on', async () => {
    household.broken.add('c');
    const error: unknown = await supervisor.start().catch((cause: unknown) => cause);
    expect(String(error)).to.include('c is broken');
    expect(household.diary).to.deep.equal(['+a', '+b', '-b', '-a']);
  });

  it('restarts a failed child and those that depend on it', async () => {
    await supervisor.start();
    household.diary.length = 0;
    await crash('b');
    expect(household.diary).to.deep.equal(['-c', '-b', '+b', '+c']);
    expect(supervisor.status()).to.deep.equal([
      { id: 'a', state: 'running', restarts: 0 },
      { id: 'b', state: 'running', restarts: 1 },
      { id: 'c', state: 'running', restarts: 1 },
    ]);
  });

  it('ignores a failure that an earlier incarnation reports late', async () => {
    await supervisor.start();
    const stale = household.fail.get('c')!;
    await crash('c');
    household.diary.length = 0;
    stale(new Error('from before'));
    await settle();
    expect(household.diary).to.deep.equal([]);
  });

  it('tries again after a pause when the restart itself fails', async () => {
    await supervisor.start();
    household.diary.length = 0;
    household.broken.add('c');
    await crash('c');
    expect(household.diary).to.deep.equal(['-c']);
    expect(supervisor.status()[2]!.state).to.equal('restarting');
    await clock.advanceAsync(100);
    expect(household.diary).to.deep.equal(['-c', '+c']);
  });

  it('gives up after too many restarts: stops everything and reports its own failure once', async () => {
    const failures: Error[] = [];
    supervisor.onFailure((error) => failures.push(error));
    await supervisor.start();
    await crash('c');
    await crash('c');
    await clock.advanceAsync(100);
    household.diary.length = 0;
    await crash('c');
    expect(household.diary).to.deep.equal(['-c', '-b', '-a']);
    expect(failures.map(String)).to.have.length(1);
    expect(failures[0]!.message).to.equal('c failed 3 times in a row, last with: c crashed');
  });

  it('abandons a restart that waits when it is stopped', async () => {
    await supervisor.start();
    await crash('a');
    await crash('a');
    household.diary.length = 0;
    await supervisor.stop();
    await clock.advanceAsync(10_000);
    expect(household.diary).to.deep.equal([]);
  });
});
