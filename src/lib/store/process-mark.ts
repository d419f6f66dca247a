import { readFileSync } from 'node:fs';
import { isAlive, processStat } from '../base/process-table.js';

/** What tells a process apart from a later one with the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** Boot id of the system and start time in clock ticks since boot (proc(5), field 22); undefined where there is no /proc. */
  readonly started: string | undefined;
}

function startOf(pid: number): string | undefined {
  const stat = processStat(pid);
  return stat && `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${stat.startTicks}`;
}

/** The mark of a running process, this one by default. */
export function processMark(pid = process.pid): ProcessMark {
  return { pid, started: startOf(pid) };
}

/** Whether the very process the mark was made of still runs; without /proc, whether any process has its pid. */
export function stillRuns(mark: ProcessMark): boolean {
  return isAlive(mark.pid) && (mark.started === undefined || mark.started === startOf(mark.pid));
}
