import { inspect } from "node:util";
import { Life } from "./life.ts";

/** So much is shown of what a method was called with. */
const SHOWN = 60;

/**
 * The same object, whose method calls `crashPoints` and `assertIdempotent` see when a handler makes them: a database
 * client, such as. Anywhere else it does what it always did.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertIdempotent, watch } from "weir/testing";
 *
 * class Ledger {
 *   readonly rows = new Map<string, number>();
 *   async upsert(key: string, amount: number) {
 *     await Promise.resolve();
 *     this.rows.set(key, amount);
 *   }
 * }
 * let ledger = watch(new Ledger());
 * const book = defineFunction({ on: "demo.paid" }, async (event) => {
 *   await ledger.upsert(event.id, 12);
 * });
 *
 * await assertIdempotent(book, {}, {
 *   setup: () => ledger = watch(new Ledger()),
 *   world: ({ rows }) => rows,
 * });
 * ```
 */
export function watch<Watched extends object>(object: Watched, name: string = nameOf(object)): Watched {
  // The proxy is of an empty object: of a frozen one it could not show other methods than that has. Private fields are
  // the object's own, and not its proxy's.
  return new Proxy(Object.create(Object.getPrototypeOf(object)) as Watched, {
    get: (_, key) => {
      const value = Reflect.get(object, key, object);
      if (typeof value !== "function" || key === "constructor") return value;
      return asStep(`${name}.${String(key)}`, value, object);
    },
    set: (_, key, value) => Reflect.set(object, key, value, object),
    has: (_, key) => Reflect.has(object, key),
    ownKeys: () => Reflect.ownKeys(object),
    getOwnPropertyDescriptor: (_, key) => {
      const own = Reflect.getOwnPropertyDescriptor(object, key);
      return own && { ...own, configurable: true };
    },
    deleteProperty: (_, key) => Reflect.deleteProperty(object, key),
  });
}

/** Watches objects in place: for a client that a handler imports. Returns what ends it. */
export function watchInPlace(objects: Readonly<Record<string, object>>): () => void {
  const undo: (() => void)[] = [];
  for (const [name, object] of Object.entries(objects)) {
    if (!Object.isExtensible(object)) {
      throw new TypeError(`watch: ${name} cannot be changed in place: hand the function watched(${name}) instead`);
    }
    for (const key of methodsOf(object)) {
      const own = Object.getOwnPropertyDescriptor(object, key);
      // deno-lint-ignore ban-types -- whatever it is, it is called as it was
      const method = (object as Record<PropertyKey, Function>)[key];
      const value = asStep(`${name}.${String(key)}`, method, object);
      Object.defineProperty(object, key, { value, configurable: true, writable: true, enumerable: false });
      undo.push(() => {
        if (own) Object.defineProperty(object, key, own);
        else delete (object as Record<PropertyKey, unknown>)[key];
      });
    }
  }
  return () => undo.reverse().forEach((step) => step());
}

// deno-lint-ignore ban-types -- as above
function asStep(name: string, method: Function, self: object): (...args: unknown[]) => unknown {
  return (...args) => {
    const call = () => method.apply(self, args);
    const life = Life.current();
    return life ? life.step(`${name}(${shown(args)})`, call, { outside: "yes" }) : call();
  };
}

function shown(args: readonly unknown[]): string {
  const text = args.map((arg) => inspect(arg, { depth: 2, breakLength: Infinity })).join(", ");
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function nameOf(object: object): string {
  return object.constructor?.name ?? "object";
}

/** Its own and those of its classes, accessors left alone. */
function methodsOf(object: object): Set<PropertyKey> {
  const methods = new Set<PropertyKey>();
  for (let from = object; from && from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const key of Reflect.ownKeys(from)) {
      const { value, configurable } = Object.getOwnPropertyDescriptor(from, key)!;
      if (key !== "constructor" && typeof value === "function" && (configurable || from !== object)) methods.add(key);
    }
  }
  return methods;
}
