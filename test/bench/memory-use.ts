/** Resident memory of this process after everything that can go has gone. Needs --expose-gc. */
export async function residentBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss();
}
