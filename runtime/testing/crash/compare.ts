import { inspect } from "node:util";

/** A value that is another in every run, such as a random id: nothing can be expected of it. */
class Varies {
  [inspect.custom](): string {
    return "(varies)";
  }
}

/** Entries of which some have names that are others in every run. */
class Entries {
  /**
   * @param named those that have the same name each time
   * @param count how many others there are
   * @param values what those are, in order, if that is the same each time
   */
  constructor(readonly named: Tree, readonly count: number, readonly values: readonly string[] | undefined) {}

  [inspect.custom](): string {
    const count = Object.keys(this.named).length + this.count;
    return count === 1 ? "1 entry" : `${count} entries`;
  }
}

/** Something that is not as it was without a crash. */
export interface Difference {
  /** Where, such as `kv.inventory.book.onHand`. */
  readonly where: string;
  /** Without a crash. */
  readonly expected: string;
  /** After it. */
  readonly actual: string;
}

type Tree = Record<string, unknown>;

/**
 * Data alone: what maps, sets and objects of classes hold, by name.
 *
 * @throws {TypeError} for an object that keeps all it has to itself: whatever became of it, it would look the same.
 */
export function asTree(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value === "function") return "[function]";
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[seen above]";
  const below = (inner: unknown) => asTree(inner, [...above, value]);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [nameOf(key), below(one)]));
  if (value instanceof Set) return [...value].map(below).sort((a, b) => show(a) < show(b) ? -1 : 1);
  if (Array.isArray(value)) return value.map(below);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && typeof one !== "function");
  if (entries.length === 0 && !isPlain(value)) {
    throw new TypeError(`an object of ${value.constructor?.name} shows nothing of what it has: give plain data of it`);
  }
  return Object.fromEntries(entries.map(([key, one]) => [key, below(one)]));
}

function isPlain(value: object): boolean {
  return ArrayBuffer.isView(value) || [null, Object.prototype].includes(Object.getPrototypeOf(value));
}

function split(keys: readonly string[], isFirst: (key: string) => boolean): [string[], string[]] {
  return [keys.filter(isFirst), keys.filter((key) => !isFirst(key))];
}

function shown(tree: Tree, keys: readonly string[]): string[] {
  return keys.map((key) => show(tree[key])).sort();
}

/** What two runs have in common. What differs between them says nothing, and is marked so. */
export function common(first: unknown, second: unknown): unknown {
  if (!isTree(first) || !isTree(second)) return Object.is(first, second) ? first : new Varies();
  const keys = Object.keys(first);
  if (keys.length !== Object.keys(second).length || Array.isArray(first) !== Array.isArray(second)) return new Varies();
  if (!keys.every((key) => Object.hasOwn(second, key))) {
    const [named, others] = split(keys, (key) => Object.hasOwn(second, key));
    const values = shown(first, others);
    const same = values.join() === shown(
      second,
      Object.keys(second).filter((key) => !Object.hasOwn(first, key)),
    ).join();
    const both = Object.fromEntries(named.map((key) => [key, common(first[key], second[key])]));
    return new Entries(both, others.length, same ? values : undefined);
  }
  return Object.fromEntries(keys.map((key) => [key, common(first[key], second[key])]));
}

/** Where anything varies. */
export function varying(expected: unknown, where = ""): string[] {
  if (expected instanceof Varies || expected instanceof Entries) return [where];
  if (!isTree(expected)) return [];
  return Object.entries(expected).flatMap(([key, value]) => varying(value, join(where, key)));
}

/** Where a world is not as expected. */
export function differences(expected: unknown, actual: unknown, where = ""): Difference[] {
  if (expected instanceof Varies) return [];
  if (expected instanceof Entries) {
    const { named, count, values } = expected;
    const all = [{ where, expected: show(expected), actual: show(actual) }];
    if (!isTree(actual)) return all;
    const [kept, others] = split(Object.keys(actual), (key) => Object.hasOwn(named, key));
    if (others.length !== count || (values && shown(actual, others).join() !== values.join())) return all;
    return differences(named, Object.fromEntries(kept.map((key) => [key, actual[key]])), where);
  }
  if (!isTree(expected) || !isTree(actual)) {
    return Object.is(expected, actual) ? [] : [{ where, expected: show(expected), actual: show(actual) }];
  }
  return [...new Set([...Object.keys(expected), ...Object.keys(actual)])].flatMap((key) => {
    if (Object.hasOwn(expected, key) && Object.hasOwn(actual, key)) {
      return differences(expected[key], actual[key], join(where, key));
    }
    const side = (tree: Tree) => Object.hasOwn(tree, key) ? show(tree[key]) : "(nothing)";
    return [{ where: join(where, key), expected: side(expected), actual: side(actual) }];
  });
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !(value instanceof Varies) && !(value instanceof Entries);
}

function join(where: string, key: string): string {
  return where === "" ? key : `${where}.${key}`;
}

function nameOf(key: unknown): string {
  return typeof key === "string" ? key : show(key);
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity });
}
