import { expect } from 'chai';
import fc from 'fast-check';
import { literalPrefix, matches, prefixesOf, publisherName, subscriberName, topicProblem } from '../../../src/lib/pubsub/topic.js';
import { TopicTrie } from '../../../src/lib/pubsub/topic-trie.js';

/** The table of docs/PUBSUB.md. */
const table: readonly (readonly [pattern: string, topic: string, matches: boolean])[] = [
  ['weather.zurich.rain', 'weather.zurich.rain', true],
  ['weather.zurich.rain', 'weather.zurich', false],
  ['weather.zurich', 'weather.zurich.rain', false],
  ['weather.*.rain', 'weather.zurich.rain', true],
  ['weather.*.rain', 'weather.zurich.sun', false],
  ['weather.*', 'weather.zurich', true],
  ['weather.*', 'weather', false],
  ['weather.*', 'weather.zurich.rain', false],
  ['*.zurich', 'weather.zurich', true],
  ['*', 'weather', true],
  ['*', 'weather.zurich', false],
  ['weather.>', 'weather.zurich', true],
  ['weather.>', 'weather.zurich.rain', true],
  ['weather.>', 'weather', false],
  ['>', 'weather', true],
  ['>', 'weather.zurich.rain', true],
  ['*.*.>', 'weather.zurich', false],
  ['*.*.>', 'weather.zurich.rain.much', true],
  ['Weather', 'weather', false],
];

const token = fc.constantFrom('a', 'b', 'c');
const topics = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
const patterns = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([tokens, rest]) => (rest ? [...tokens.slice(0, -1), '>'] : tokens).join('.'));

describe('Topics and patterns', () => {
  for (const [pattern, topic, expected] of table) {
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${topic}`, () => {
      expect(matches(pattern, topic)).to.equal(expected);
      const trie = new TopicTrie<string>();
      trie.add(pattern, 'value');
      expect([...trie.match(topic)]).to.deep.equal(expected ? ['value'] : []);
    });
  }

  for (const text of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a\n', 'a.\u0007', '*', '>', 'a.*', 'a*', '1.2.3.4.5.6.7.8.9', 'x'.repeat(256), 'é'.repeat(128), '\ud800']) {
    it(`${JSON.stringify(text.slice(0, 20))} is no topic`, () => expect(topicProblem(text, false)).to.be.a('string'));
  }
  for (const text of ['a', 'a.b', '1.2.3.4.5.6.7.8', 'Zürich.Wetter', 'a-b_c:d/e', 'x'.repeat(255)]) {
    it(`${text.slice(0, 20)} is a topic and a pattern`, () => expect([topicProblem(text, false), topicProblem(text, true)]).to.deep.equal([undefined, undefined]));
  }
  for (const text of ['*', '>', 'a.*', '*.a.>', 'a.*.c']) it(`${text} is a pattern`, () => expect(topicProblem(text, true)).to.equal(undefined));
  for (const text of ['>.a', 'a.>.b', 'a*', '**', 'a.>>']) it(`${text} is no pattern`, () => expect(topicProblem(text, true)).to.be.a('string'));

  it('a pattern is found by every topic it matches: its literal prefix is one of the topic\'s', () => {
    fc.assert(fc.property(patterns, topics, (pattern, topic) => {
      if (matches(pattern, topic)) expect(prefixesOf(topic)).to.include(literalPrefix(pattern));
    }));
  });

  it('names of publishers and subscribers never meet', () => {
    fc.assert(fc.property(topics, topics, (one, other) => {
      for (const prefix of ['', ...prefixesOf(one)]) expect(publisherName(prefix)).not.to.equal(subscriberName(other));
    }));
  });
});

describe('The trie of patterns', () => {
  it('finds exactly what matching one after the other finds, whatever was removed before', () => {
    fc.assert(fc.property(fc.array(patterns, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 20 }), topics, (added, removed, topic) => {
      const trie = new TopicTrie<number>();
      const kept = new Map(added.map((pattern, index) => [index, pattern]));
      for (const [index, pattern] of kept) expect(trie.add(pattern, index)).to.equal(true);
      for (const number of removed) {
        const pattern = kept.get(number);
        expect(trie.delete(pattern ?? 'nothing', number)).to.equal(pattern !== undefined);
        kept.delete(number);
      }
      const expected = [...kept].filter(([, pattern]) => matches(pattern, topic)).map(([index]) => index);
      expect([...trie.match(topic)]).to.have.members(expected);
      expect(trie.size).to.equal(kept.size);
    }));
  });
});
