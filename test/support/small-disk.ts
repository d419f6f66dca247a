import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A file system in memory, for tests that fill a disk or cannot write to one. */
export class SmallDisk {
  private constructor(readonly directory: string) {}

  /** Mounts one on a directory, which is made; undefined where that needs Linux, root or leave to mount. @param size as tmpfs takes it, `2m` */
  static mount(directory: string, size: string): SmallDisk | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', directory], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    return new SmallDisk(directory);
  }

  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.directory]);
  }

  unmount(): void {
    execFileSync('umount', [this.directory]);
  }
}
