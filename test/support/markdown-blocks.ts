import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './cli.js';

/** A code block of a Markdown page. */
export interface CodeBlock {
  readonly page: string;
  /** Line of its fence, from 1. */
  readonly line: number;
  /** The heading it stands under, without `#`. */
  readonly heading: string;
  readonly language: string;
  /** Why it is not run, as its fence says: ```sh not-run: the reason */
  readonly notRun: string | undefined;
  readonly text: string;
}

/** All code blocks of a page, in order; indented fences, as in lists, too. */
export function codeBlocks(page: string): CodeBlock[] {
  const lines = readFileSync(join(packageRoot, page), 'utf8').split('\n');
  const blocks: CodeBlock[] = [];
  let heading = '';
  let open: { line: number; indent: string; info: string; text: string[] } | undefined;
  lines.forEach((line, index) => {
    const fence = /^(\s*)```(.*)$/.exec(line);
    if (open === undefined) {
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
      if (fence) open = { line: index + 1, indent: fence[1]!, info: fence[2]!.trim(), text: [] };
      return;
    }
    if (!fence || fence[2] !== '') {
      open.text.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
      return;
    }
    const [, language = '', notRun] = /^(\S*)(?:\s+not-run: (.+))?$/.exec(open.info) ?? [undefined, open.info];
    blocks.push({ page, line: open.line, heading, language, notRun, text: `${open.text.join('\n')}\n` });
    open = undefined;
  });
  if (open !== undefined) throw new Error(`the block at line ${open.line} of ${page} does not end`);
  return blocks;
}
