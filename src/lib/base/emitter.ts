/** Listeners by event name; every event carries exactly one value. */
export class Emitter<Events extends object> {
  /** The lists are never changed but replaced, so that an event goes through one without a copy of its own. */
  readonly #listeners = new Map<keyof Events, readonly ((value: never) => void)[]>();

  /** Calls `listener` on each event of that name; the returned function removes it. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? [];
    if (!listeners.includes(listener)) this.#listeners.set(name, [...listeners, listener]);
    return () => void this.#listeners.set(name, this.#listeners.get(name)!.filter((other) => other !== listener));
  }

  /** Calls all listeners in the order they were added. A listener that throws is a bug and propagates. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners) return;
    for (const listener of listeners) (listener as (value: Events[Name]) => void)(value);
  }

  listenerCount(name: keyof Events): number {
    return this.#listeners.get(name)?.length ?? 0;
  }
}
