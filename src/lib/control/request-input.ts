import type { z } from 'zod';
import { MaculaError } from '../base/errors.js';

/**
 * The input if it fits the schema, with its defaults filled in.
 * @throws MaculaError MACULA_USAGE naming every field that does not fit
 */
export function checkInput<Shape extends z.ZodType>(schema: Shape, input: unknown): z.infer<Shape> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({ field: issue.path.join('.') || '(body)', problem: issue.message }));
  const message = fields.map(({ field, problem }) => `${field}: ${problem}`).join('; ');
  throw new MaculaError('MACULA_USAGE', `the request is wrong: ${message}`, {
    hint: 'GET /v1/openapi.json describes every request.',
    details: { fields },
  });
}

/** The same for each of many, as they come. @throws MaculaError as {@link checkInput} */
export async function* checkEach<Shape extends z.ZodType>(schema: Shape, inputs: AsyncIterable<unknown>): AsyncGenerator<z.infer<Shape>, void, void> {
  for await (const input of inputs) yield checkInput(schema, input);
}
