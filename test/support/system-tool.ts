import { spawnSync } from 'node:child_process';

/** Whether a program is on this machine; tests of it are left out where it is not. */
export function hasTool(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;
}
