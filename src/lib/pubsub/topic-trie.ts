import { anyRest, anyToken } from './topic.js';

interface TrieNode<Value> {
  readonly children: Map<string, TrieNode<Value>>;
  readonly values: Set<Value>;
}

function emptyNode<Value>(): TrieNode<Value> {
  return { children: new Map(), values: new Set() };
}

/** Values under patterns; finds those whose pattern matches a topic in time that does not grow with the patterns that do not. */
export class TopicTrie<Value> {
  readonly #root = emptyNode<Value>();
  #size = 0;

  /** Pairs of pattern and value. */
  get size(): number {
    return this.#size;
  }

  /** Returns whether it is new. */
  add(pattern: string, value: Value): boolean {
    let node = this.#root;
    for (const token of pattern.split('.')) {
      let next = node.children.get(token);
      if (!next) node.children.set(token, (next = emptyNode()));
      node = next;
    }
    if (node.values.has(value)) return false;
    node.values.add(value);
    this.#size++;
    return true;
  }

  /** Returns whether it was there. */
  delete(pattern: string, value: Value): boolean {
    const path: { readonly node: TrieNode<Value>; readonly token: string }[] = [];
    let node = this.#root;
    for (const token of pattern.split('.')) {
      const next = node.children.get(token);
      if (!next) return false;
      path.push({ node, token });
      node = next;
    }
    if (!node.values.delete(value)) return false;
    this.#size--;
    for (const { node: parent, token } of path.reverse()) {
      const child = parent.children.get(token)!;
      if (child.values.size > 0 || child.children.size > 0) break;
      parent.children.delete(token);
    }
    return true;
  }

  /** The values whose pattern matches the topic, none twice. */
  match(topic: string): Set<Value> {
    const found = new Set<Value>();
    this.#collect(this.#root, topic.split('.'), 0, found);
    return found;
  }

  /** Deep by tokens, of which a topic has few. */
  #collect(node: TrieNode<Value>, tokens: readonly string[], index: number, found: Set<Value>): void {
    if (index === tokens.length) {
      for (const value of node.values) found.add(value);
      return;
    }
    const rest = node.children.get(anyRest);
    if (rest) for (const value of rest.values) found.add(value);
    const any = node.children.get(anyToken);
    if (any) this.#collect(any, tokens, index + 1, found);
    const literal = node.children.get(tokens[index]!);
    if (literal) this.#collect(literal, tokens, index + 1, found);
  }
}
