import { readFileSync } from 'node:fs';
import { errnoOf } from './errors.js';

/** What proc(5) says of a process; undefined where there is no /proc, or no such process. */
export interface ProcessStat {
  /** One letter; `Z` is a zombie: it has ended, and its parent has not asked how. */
  readonly state: string;
  /** Clock ticks from boot to its start: tells processes apart that had the same pid. */
  readonly startTicks: string;
}

/** Reads /proc/<pid>/stat. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command in parentheses may hold spaces and parentheses itself; fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, startTicks: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Whether a process with this id runs, whoever owns it. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') return false;
  }
  return processStat(pid)?.state !== 'Z';
}
