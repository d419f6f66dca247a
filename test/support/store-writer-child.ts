// Writes to the store named on the command line without end and reports each write once it is acknowledged.
import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { openStore } from '../../src/lib/store/store.js';

const store = await openStore(process.argv[2]!, { logger: silentLogger, clock: systemClock });
const records = store.collection<{ index: number; text: string }>('records');
for (let index = 0; ; index++) {
  void records.put(String(index), { index, text: 'x'.repeat(index % 3000) }).then(() => process.send!(index));
  if (index % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  if (index % 400 === 399) await records.put('pace', { index, text: '' });
}
