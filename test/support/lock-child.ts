// Takes the lock of the directory named on the command line, says how that went, and holds it until told to stop.
import { systemClock } from '../../src/lib/base/clock.js';
import { MaculaError } from '../../src/lib/base/errors.js';
import { lockDataDir } from '../../src/lib/store/data-dir-lock.js';

// The listener stays, and with it the process.
process.on('message', () => {
  lockDataDir(process.argv[2]!, { clock: systemClock }, { version: 'test' }).then(
    () => process.send!({ held: true }),
    (error: unknown) => process.send!({ held: false, code: MaculaError.from(error).code, pid: MaculaError.from(error).details['pid'] }),
  );
});
process.send!('ready');
