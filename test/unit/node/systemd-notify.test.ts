import { expect } from 'chai';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { nodeInOneLine } from '../../../src/lib/node/node-status.js';
import { SystemdNotifier, systemdWishes } from '../../../src/lib/node/systemd-notify.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

describe('what systemd wants to be told', () => {
  const table: [string, Record<string, string>, ReturnType<typeof systemdWishes>][] = [
    ['nothing, without its socket', { WATCHDOG_USEC: '60000000' }, undefined],
    ['nothing, with an empty name', { NOTIFY_SOCKET: '' }, undefined],
    ['readiness alone', { NOTIFY_SOCKET: '/run/n' }, { notifySocket: '/run/n', watchdogMs: undefined }],
    ['signs of life', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '60000000' }, { notifySocket: '/run/n', watchdogMs: 60_000 }],
    ['signs of life of this process', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' }, { notifySocket: '/run/n', watchdogMs: 60_000 }],
    ['no signs of life of another process', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, { notifySocket: '/run/n', watchdogMs: undefined }],
    ['no signs of life at intervals that are none', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: 'soon' }, { notifySocket: '/run/n', watchdogMs: undefined }],
  ];
  for (const [name, env, wishes] of table) it(name, () => expect(systemdWishes(env, 7)).to.deep.equal(wishes));
});

describe('notifications to systemd', () => {
  function notifier(watchdogMs?: number): { notifier: SystemdNotifier; sent: string[]; clock: VirtualClock; node: { line: string; live: boolean; fails: boolean }; warned: string[] } {
    const clock = new VirtualClock();
    const sent: string[] = [];
    const warned: string[] = [];
    const node = { line: 'ready, 0 peers', live: true, fails: false };
    const send = async (assignments: readonly string[]): Promise<void> => {
      if (node.fails) throw new Error('spawn systemd-notify ENOENT');
      sent.push(assignments.join(' '));
    };
    const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
    return { notifier: new SystemdNotifier({ clock, logger, send, describe: () => node.line, isLive: () => node.live }, { watchdogMs }), sent, clock, node, warned };
  }

  it('say that the node is ready, then that it lives, three times a timeout', async () => {
    const { notifier: systemd, sent, clock } = notifier(60_000);
    await systemd.ready();
    await clock.advanceAsync(60_000);
    expect(sent).to.deep.equal(['READY=1 STATUS=ready, 0 peers', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  });

  it('give no sign of life for a node that cannot go on', async () => {
    const { notifier: systemd, sent, clock, node } = notifier(60_000);
    await systemd.ready();
    node.live = false;
    await clock.advanceAsync(120_000);
    expect(sent).to.have.lengthOf(1);
  });

  it('tell how the node is when that has changed, with or without a watchdog', async () => {
    for (const watchdogMs of [undefined, 90_000]) {
      const { notifier: systemd, sent, clock, node } = notifier(watchdogMs);
      await systemd.ready();
      node.line = 'ready, 1 peers';
      await clock.advanceAsync(60_000);
      expect(sent.slice(1).filter((line) => line.includes('STATUS'))).to.have.lengthOf(1).and.to.have.property('0').that.includes('STATUS=ready, 1 peers');
    }
  });

  it('end with the stop', async () => {
    const { notifier: systemd, sent, clock } = notifier(60_000);
    await systemd.ready();
    await systemd.stopping();
    await clock.advanceAsync(600_000);
    expect(sent.slice(1)).to.deep.equal(['STOPPING=1 STATUS=stopping']);
  });

  it('are missed, with one warning, where they cannot be sent, and go on', async () => {
    const { notifier: systemd, sent, clock, node, warned } = notifier(60_000);
    node.fails = true;
    await systemd.ready();
    await clock.advanceAsync(40_000);
    expect(warned).to.deep.equal(['systemd could not be notified']);
    node.fails = false;
    await clock.advanceAsync(20_000);
    await settle();
    expect(sent).to.deep.equal(['WATCHDOG=1']);
  });

  it('describe the node in one line, without what is only worth knowing', () => {
    const peers = { connected: 3, direct: 2, relayed: 1 };
    expect(nodeInOneLine({ state: 'ready', peers, warnings: [] })).to.equal('ready, 3 peers (2 direct, 1 relayed)');
    const warnings = [{ code: 'disk-low', severity: 'medium', message: '', fix: '' }, { code: 'socket-buffers-small', severity: 'low', message: '', fix: '' }] as const;
    expect(nodeInOneLine({ state: 'ready', peers, warnings: [...warnings] })).to.match(/, warnings: disk-low$/);
  });
});
