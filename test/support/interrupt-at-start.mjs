// Imported into a node by a test (NODE_OPTIONS=--import): interrupts it as Ctrl-C does once it has taken its data directory, long
// before it is ready.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const pidFile = join(process.env.MACULA_DATA_DIR, 'node.pid');
const look = setInterval(() => {
  if (!existsSync(pidFile)) return;
  clearInterval(look);
  process.kill(process.pid, 'SIGINT');
}, 1);
