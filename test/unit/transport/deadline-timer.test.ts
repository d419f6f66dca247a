import { expect } from 'chai';
import { DeadlineTimer } from '../../../src/lib/transport/deadline-timer.js';
import { VirtualClock } from '../../support/virtual-clock.js';

describe('the deadline timer', () => {
  function timerWith(next: (nowMs: number) => number): { clock: VirtualClock; timer: DeadlineTimer; fired: number[]; start: number } {
    const clock = new VirtualClock();
    const start = clock.nowMs();
    const fired: number[] = [];
    const timer = new DeadlineTimer(clock, (nowMs) => {
      fired.push(nowMs - start);
      return next(nowMs);
    });
    return { clock, timer, fired, start };
  }

  it('runs at the earliest deadline it was given', () => {
    const { clock, timer, fired, start } = timerWith(() => Infinity);
    timer.schedule(start + 50);
    timer.schedule(start + 20);
    timer.schedule(start + 90);
    clock.advance(200);
    expect(fired).to.deep.equal([20]);
  });

  it('goes on with the deadline that is left', () => {
    let left = 3;
    const { clock, timer, fired, start } = timerWith((nowMs) => ((left -= 1) > 0 ? nowMs + 10 : Infinity));
    timer.schedule(start + 10);
    clock.advance(200);
    expect(fired).to.deep.equal([10, 20, 30]);
  });

  it('does not run after it was cancelled', () => {
    const { clock, timer, fired, start } = timerWith(() => Infinity);
    timer.schedule(start + 10);
    timer.cancel();
    clock.advance(200);
    expect(fired).to.deep.equal([]);
  });
});
