import type { MessageHeaders } from "./delivery.ts";

/**
 * Headers in the order of the message. Hot path: columns instead of pairs save an object a header, see bench.
 */
export class HeaderList implements MessageHeaders {
  readonly #names: string[] = [];
  readonly #lower: string[] = [];
  readonly #values: string[] = [];

  static of(entries: Iterable<readonly [name: string, value: string]>): HeaderList {
    const list = new HeaderList();
    for (const [name, value] of entries) list.add(name, value);
    return list;
  }

  add(name: string, value: string): void {
    this.#names.push(name);
    this.#lower.push(name.toLowerCase());
    this.#values.push(value);
  }

  get(name: string): string | undefined {
    const at = this.#lower.indexOf(name.toLowerCase());
    return at < 0 ? undefined : this.#values[at];
  }

  each(visit: (lowerName: string, value: string) => void): void {
    for (let i = 0; i < this.#lower.length; i++) visit(this.#lower[i], this.#values[i]);
  }

  entries(): (readonly [name: string, value: string])[] {
    return this.#names.map((name, i) => [name, this.#values[i]] as const);
  }
}
