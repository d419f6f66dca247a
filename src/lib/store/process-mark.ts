import { readFileSync } from 'node:fs';

/** What tells a process apart from a later one with the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** Boot id of the system and start time in clock ticks since boot (proc(5), field 22); undefined where there is no /proc. */
  readonly started: string | undefined;
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command in parentheses may hold spaces and parentheses itself; fields count from the last one.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${ticks}`;
  } catch {
    return undefined;
  }
}

/** The mark of a running process, this one by default. */
export function processMark(pid = process.pid): ProcessMark {
  return { pid, started: startOf(pid) };
}

/** Whether the very process the mark was made of still runs; without /proc, whether any process has its pid. */
export function stillRuns(mark: ProcessMark): boolean {
  if (mark.pid === process.pid) return mark.started === undefined || mark.started === startOf(mark.pid);
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return mark.started === undefined || mark.started === startOf(mark.pid);
}
