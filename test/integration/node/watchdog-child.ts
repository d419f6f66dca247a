import { startWatchdog } from '../../../src/lib/node/watchdog.js';

// Run by watchdog.test.ts as a process of its own: `spin` hangs the main thread, `stop` ends in good order.
const watchdog = startWatchdog({ timeoutMs: 1000 });
process.stdout.write('started\n');
if (process.argv[2] === 'spin') {
  for (;;);
} else {
  await watchdog.stop();
  process.stdout.write('stopped\n');
}
