import type { ControlClient } from '../../lib/control/client.js';
import type { Snapshot } from './top-view.js';

/** Asks the node for everything the dashboard shows. @throws MaculaError as the client does */
export async function takeSnapshot(client: ControlClient, signal: AbortSignal): Promise<Snapshot> {
  const [status, { peers }, metrics, pool] = await Promise.all([client.status(signal), client.peers(signal), client.metrics(signal), client.poolStats(true, signal)]);
  return { wallMs: Date.now(), nowMs: performance.now(), status, peers, metrics, pool };
}

/** Resolves after a time, at once when the signal aborts; keeps the process alive meanwhile. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
