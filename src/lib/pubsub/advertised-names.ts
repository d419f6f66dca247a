/** Names a node is to be found under, each for as long as somebody needs it. */
export class AdvertisedNames {
  readonly #max: number;
  readonly #users = new Map<string, number>();

  /** @param max names in all; beyond it further ones are not announced */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#users.size;
  }

  names(): string[] {
    return [...this.#users.keys()];
  }

  /** One more needs the name. Returns whether it is to be announced now. */
  add(name: string): boolean {
    const users = this.#users.get(name);
    if (users === undefined && this.#users.size >= this.#max) return false;
    this.#users.set(name, (users ?? 0) + 1);
    return users === undefined;
  }

  /** One less needs it. Returns whether it is to be withdrawn now. */
  remove(name: string): boolean {
    const users = this.#users.get(name);
    if (users === undefined) return false;
    if (users > 1) {
      this.#users.set(name, users - 1);
      return false;
    }
    this.#users.delete(name);
    return true;
  }
}
