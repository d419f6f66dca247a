import { readFile } from 'node:fs/promises';

/** Resident memory of a process, bytes. @throws Error when it is gone */
export async function residentBytes(pid: number): Promise<number> {
  const match = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  if (!match) throw new Error(`process ${pid} is gone`);
  return Number(match[1]) * 1024;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Growth of samples from their first quarter to their last, medians; the clock of garbage collection hardly shows. 0 without samples. */
export function growthOf(samples: readonly number[]): number {
  if (samples.length === 0) return 0;
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  return median(samples.slice(-quarter)) - median(samples.slice(0, quarter));
}
