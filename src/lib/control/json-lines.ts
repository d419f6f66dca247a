import { MaculaError } from '../base/errors.js';

/**
 * The values of a body of JSON lines, as they come; the next line is read only when it is asked for. Empty lines are skipped.
 * @param maxBytes longest line taken
 * @throws MaculaError MACULA_USAGE where a line is no JSON, MACULA_VALUE_TOO_LARGE where one is too long
 */
export async function* readJsonValues(body: AsyncIterable<unknown>, maxBytes: number): AsyncGenerator<unknown, void, void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]);
      rest = rest.subarray(end + 1);
      [parts, length] = [[], 0];
      if (line.length > maxBytes) throw tooLong(maxBytes);
      yield* valueOf(line);
    }
    length += rest.length;
    if (length > maxBytes) throw tooLong(maxBytes);
    if (rest.length > 0) parts.push(rest);
  }
  yield* valueOf(Buffer.concat(parts));
}

function* valueOf(line: Buffer): Generator<unknown, void, void> {
  const text = line.toString('utf8').trim();
  if (text === '') return;
  try {
    yield JSON.parse(text) as unknown;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MaculaError('MACULA_USAGE', `a line is not JSON: ${cause.message}`, { hint: 'Each line is one JSON value. Text goes in quotes of its own.' });
  }
}

function tooLong(maxBytes: number): MaculaError {
  return new MaculaError('MACULA_VALUE_TOO_LARGE', `a line is over ${maxBytes} bytes`, { details: { maxBytes } });
}
