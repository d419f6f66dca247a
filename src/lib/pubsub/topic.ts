import { MaculaError } from '../base/errors.js';
import { maxTopicBytes } from '../wire/pubsub-messages.js';

/** Most tokens of a topic or pattern: a publisher looks up each beginning of its topic, so there must be few. */
export const maxTokens = 8;

/** Stands for exactly one token of a topic. */
export const anyToken = '*';
/** Stands for one or more tokens at the end of a topic. */
export const anyRest = '>';

/** Nothing that a terminal, a shell or a log could take for something else. */
const tokenShape = /^[^\s.*>\u0000-\u001f\u007f-\u009f\p{Cs}]+$/u;

/** Why the text is no topic (or, with `wildcards`, no pattern); undefined when it is one. */
export function topicProblem(text: string, wildcards: boolean): string | undefined {
  if (text === '') return 'it is empty';
  if (Buffer.byteLength(text) > maxTopicBytes) return `it is over ${maxTopicBytes} bytes`;
  const tokens = text.split('.');
  if (tokens.length > maxTokens) return `it has ${tokens.length} tokens, more than ${maxTokens}`;
  for (const [index, token] of tokens.entries()) {
    if (token === '') return 'a token between dots is empty';
    if (wildcards && token === anyToken) continue;
    if (wildcards && token === anyRest) {
      if (index === tokens.length - 1) continue;
      return `${anyRest} may only be the last token`;
    }
    if (!tokenShape.test(token)) return `${JSON.stringify(token)} has a character that tokens may not have`;
  }
  return undefined;
}

/** @throws MaculaError MACULA_INVALID_VALUE */
export function checkTopic(topic: string): void {
  const problem = topicProblem(topic, false);
  if (problem !== undefined) throw invalid('topic', topic, problem, 'A topic is 1 to 8 tokens with dots between, such as `weather.zurich.rain`; wildcards are for subscribers.');
}

/** @throws MaculaError MACULA_INVALID_VALUE */
export function checkPattern(pattern: string): void {
  const problem = topicProblem(pattern, true);
  if (problem !== undefined) throw invalid('pattern', pattern, problem, 'A pattern is a topic in which `*` stands for one token and a last `>` for all the rest.');
}

/** Whether the pattern matches the topic; both are valid. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === anyRest) return tokens.length > index;
    if (index >= tokens.length || (token !== anyToken && token !== tokens[index])) return false;
  }
  return wanted.length === tokens.length;
}

/** The tokens of a pattern before its first wildcard; empty when it begins with one. */
export function literalPrefix(pattern: string): string {
  const tokens = pattern.split('.');
  const wildcard = tokens.findIndex((token) => token === anyToken || token === anyRest);
  return (wildcard === -1 ? tokens : tokens.slice(0, wildcard)).join('.');
}

/** Every literal prefix that a pattern matching the topic can have, the empty one first and the topic itself last. */
export function prefixesOf(topic: string): string[] {
  const tokens = topic.split('.');
  return ['', ...tokens.map((_, index) => tokens.slice(0, index + 1).join('.'))];
}

/** Name in the directory under which subscribers with this literal prefix are found. No topic or pattern reads like the one of the empty prefix. */
export function subscriberName(prefix: string): string {
  return prefix === '' ? anyRest : prefix;
}

/** Name in the directory under which publishers to topics that begin with the prefix are found; no topic has a space. */
export function publisherName(prefix: string): string {
  return `${subscriberName(prefix)} published`;
}

function invalid(what: string, text: string, problem: string, hint: string): MaculaError {
  return new MaculaError('MACULA_INVALID_VALUE', `not a ${what}: ${JSON.stringify(text.slice(0, maxTopicBytes))}: ${problem}`, { hint });
}
