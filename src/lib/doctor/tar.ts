import { gzipSync } from 'node:zlib';

export interface ArchiveFile {
  /** At most 100 bytes, with slashes. */
  readonly name: string;
  readonly text: string;
}

const blockBytes = 512;

/** A compressed archive in the ustar format of POSIX.1-1988. @param wallMs when the files were made */
export function tarGz(files: readonly ArchiveFile[], wallMs: number): Buffer {
  const parts = files.flatMap(({ name, text }) => {
    const data = Buffer.from(text, 'utf8');
    return [header(name, data.length, wallMs), data, Buffer.alloc((blockBytes - (data.length % blockBytes)) % blockBytes)];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]));
}

function header(name: string, size: number, wallMs: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  block.write(name, 0, 100, 'utf8');
  block.write(octal(0o600, 7), 100, 'ascii');
  block.write(octal(0, 7), 108, 'ascii');
  block.write(octal(0, 7), 116, 'ascii');
  block.write(octal(size, 11), 124, 'ascii');
  block.write(octal(Math.floor(wallMs / 1000), 11), 136, 'ascii');
  block.write('0', 156, 'ascii');
  block.write('ustar\u000000', 257, 'ascii');
  // The checksum is made with blanks in its own place.
  block.write(' '.repeat(8), 148, 'ascii');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148, 'ascii');
  return block;
}
