import { networkInterfaces as read, type NetworkInterfaceInfo } from 'node:os';
import type { Clock } from './clock.js';

export type NetworkInterfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

let last: NetworkInterfaces = {};

/** The network interfaces of this machine as os.networkInterfaces; those there were where the system has no descriptor left to look with. */
export function networkInterfaces(): NetworkInterfaces {
  try {
    return (last = read());
  } catch {
    return last;
  }
}

/**
 * The same, read anew at most so often: a reading takes 0.1 ms, and each new connection asks several times. The object stays the same until the
 * next reading.
 * @param maxAgeMs milliseconds that a reading serves
 */
export function recentInterfaces(clock: Clock, maxAgeMs: number, interfaces: () => NetworkInterfaces = networkInterfaces): () => NetworkInterfaces {
  let recent: NetworkInterfaces = {};
  let readMs = -Infinity;
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs - readMs > maxAgeMs) [recent, readMs] = [interfaces(), nowMs];
    return recent;
  };
}
