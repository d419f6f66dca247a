import { MaculaError } from '../../lib/base/errors.js';

/**
 * The words of a command line as a POSIX shell would cut them: blanks separate, quotes and backslashes keep together. Nothing is expanded,
 * as no shell runs it.
 * @throws MaculaError MACULA_USAGE where a quote is not closed or there is no word
 */
export function commandWords(line: string): string[] {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/gy;
  let word: string | undefined;
  let position = 0;
  for (let match = token.exec(line); match; match = token.exec(line)) {
    position = token.lastIndex;
    const [whole, single, double, escaped, plain] = match;
    const piece = single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain;
    if (piece !== undefined) word = (word ?? '') + piece;
    else if (whole !== '' && word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (position < line.length) throw new MaculaError('MACULA_USAGE', `a quote is not closed in ${JSON.stringify(line)}`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new MaculaError('MACULA_USAGE', 'there is no command to run');
  return words;
}
