import type { MessageHeaders } from "./delivery.ts";

type Entry = readonly [name: string, value: string];

/** Headers in the order of the message. */
export class HeaderList implements MessageHeaders {
  readonly #entries: readonly Entry[];

  constructor(entries: Iterable<Entry> = []) {
    this.#entries = [...entries];
  }

  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#entries.find(([own]) => own.toLowerCase() === wanted)?.[1];
  }

  each(visit: (lowerName: string, value: string) => void): void {
    for (const [name, value] of this.#entries) visit(name.toLowerCase(), value);
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }
}
