import { inspect } from "node:util";
import { SimulatedProcess } from "./simulated_process.ts";

/** Characters of a call's arguments in the name of a point. */
const MAX_ARGUMENTS = 60;

/**
 * Wraps an object, such as a database client, so that `crashPoints` and `assertIdempotent` see the method calls of a
 * handler. Outside of a trial the object behaves as before.
 *
 * @param name The object's name in the report. Default: the name of its class.
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
  // The target is empty, since a proxy of a frozen object must return its methods unchanged. Methods run on the object
  // itself, since a proxy has no private fields. Some clients are functions, as the `sql` of postgres.js.
  const target = typeof object === "function" ? () => {} : Object.create(Object.getPrototypeOf(object));
  return new Proxy(target as Watched, {
    getPrototypeOf: () => Reflect.getPrototypeOf(object),
    // deno-lint-ignore ban-types -- only a function is called
    apply: (_target, self, args) => Reflect.apply(asStep(name, object as unknown as Function, self), self, args),
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

/** Patches the methods of objects in place, for a client that a handler imports. Returns a function that undoes it. */
export function watchInPlace(objects: Readonly<Record<string, object>>): () => void {
  const undo: (() => void)[] = [];
  for (const [name, object] of Object.entries(objects)) {
    if (!Object.isExtensible(object) || typeof object === "function") {
      throw new TypeError(`watch: ${name} cannot be patched in place: give the function watch(${name}) instead`);
    }
    for (const key of methodsOf(object)) {
      const own = Object.getOwnPropertyDescriptor(object, key);
      // deno-lint-ignore ban-types -- called with the arguments of the original
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

/**
 * Turns calls of a method into steps. `new` and static members still reach the original, since the method may be a
 * class that a driver holds, such as `Promise`.
 */
// deno-lint-ignore ban-types -- as above
function asStep(name: string, method: Function, self: unknown): (...args: unknown[]) => unknown {
  return new Proxy(method as (...args: unknown[]) => unknown, {
    apply: (_method, _this, args) => {
      const call = () => Reflect.apply(method, self, args);
      const process = SimulatedProcess.current();
      return process ? process.step(`${name}(${format(args)})`, call, { outside: "yes" }) : call();
    },
  });
}

function format(args: readonly unknown[]): string {
  const text = args.map((arg) => inspect(arg, { depth: 2, breakLength: Infinity })).join(", ");
  return text.length > MAX_ARGUMENTS ? `${text.slice(0, MAX_ARGUMENTS)}…` : text;
}

function nameOf(object: object): string {
  if (typeof object === "function") return object.name || "function";
  return object.constructor?.name ?? "object";
}

/** Returns the names of an object's methods, inherited ones included. Accessors are left out. */
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

/** HTTP methods that change nothing on the server. */
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];
const NO_URL = { origin: "", pathname: "(no URL)" };

let fetchUsers = 0, realFetch: typeof fetch;

const watchedFetch: typeof fetch = (input, init) => {
  const process = SimulatedProcess.current();
  if (!process) return realFetch(input, init);
  const request = input instanceof Request ? input : undefined;
  const url = String(request?.url ?? input), { origin, pathname } = URL.canParse(url) ? new URL(url) : NO_URL;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  return process.step(`fetch ${method} ${origin}${pathname}`, () => realFetch(input, init), {
    discard: (response) => void response.body?.cancel().catch(() => {}),
    outside: SAFE_METHODS.includes(method) ? "no" : "yes",
  });
};

/** Makes the global `fetch` of handlers in a trial a crash point. Other callers' is unchanged. Returns the undo. */
export function watchFetch(): () => void {
  if (fetchUsers++ === 0) {
    realFetch = globalThis.fetch;
    globalThis.fetch = watchedFetch;
  }
  return () => {
    if (--fetchUsers === 0 && globalThis.fetch === watchedFetch) globalThis.fetch = realFetch;
  };
}
