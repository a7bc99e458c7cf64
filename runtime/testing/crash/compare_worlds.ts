import { inspect } from "node:util";

/** A value that differs between undisturbed runs, such as a random id. It is not compared. */
class Varies {
  [inspect.custom](): string {
    return "(varies)";
  }
}

/** An object whose keys differ between undisturbed runs, at least in part. */
class Entries {
  /**
   * @param named The entries whose keys are the same in each run.
   * @param count The number of the other entries.
   * @param values The values of the other entries, sorted, if they are the same in each run.
   */
  constructor(readonly named: Tree, readonly count: number, readonly values: readonly string[] | undefined) {}

  [inspect.custom](): string {
    const count = Object.keys(this.named).length + this.count;
    return count === 1 ? "1 entry" : `${count} entries`;
  }
}

/** A value that differs from the value in the undisturbed run. */
export interface Difference {
  /** The path of the value, such as `kv.inventory.book.onHand`. */
  readonly where: string;
  /** The value without a crash. */
  readonly expected: string;
  /** The value after the crash. */
  readonly actual: string;
}

type Tree = Record<string, unknown>;

/**
 * Returns a value as plain data: maps, sets and class instances become objects and lists.
 *
 * @throws {TypeError} for an instance without public fields, since no change of it would show.
 */
export function plainData(value: unknown, parents: readonly unknown[] = []): unknown {
  if (typeof value === "function") return "[function]";
  if (typeof value !== "object" || value === null) return value;
  if (parents.includes(value)) return "[circular]";
  const below = (inner: unknown) => plainData(inner, [...parents, value]);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, one]) => [typeof key === "string" ? key : show(key), below(one)]));
  }
  if (value instanceof Set) return [...value].map(below).sort((a, b) => show(a) < show(b) ? -1 : 1);
  if (Array.isArray(value)) return value.map(below);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && typeof one !== "function");
  if (entries.length === 0 && !isPlain(value)) {
    throw new TypeError(`an instance of ${value.constructor?.name} has no public fields: return plain data of it`);
  }
  return Object.fromEntries(entries.map(([key, one]) => [key, below(one)]));
}

function isPlain(value: object): boolean {
  return ArrayBuffer.isView(value) || [null, Object.prototype].includes(Object.getPrototypeOf(value));
}

function split(keys: readonly string[], isFirst: (key: string) => boolean): [string[], string[]] {
  return [keys.filter(isFirst), keys.filter((key) => !isFirst(key))];
}

function sortedValues(tree: Tree, keys: readonly string[]): string[] {
  return keys.map((key) => show(tree[key])).sort();
}

/** Returns the parts that two undisturbed runs have in common. The other parts are marked as variable. */
export function commonParts(first: unknown, second: unknown): unknown {
  if (!isTree(first) || !isTree(second)) return Object.is(first, second) ? first : new Varies();
  const keys = Object.keys(first);
  if (keys.length !== Object.keys(second).length || Array.isArray(first) !== Array.isArray(second)) return new Varies();
  if (!keys.every((key) => Object.hasOwn(second, key))) {
    const [named, others] = split(keys, (key) => Object.hasOwn(second, key));
    const values = sortedValues(first, others);
    const same = values.join() === sortedValues(
      second,
      Object.keys(second).filter((key) => !Object.hasOwn(first, key)),
    ).join();
    const both = Object.fromEntries(named.map((key) => [key, commonParts(first[key], second[key])]));
    return new Entries(both, others.length, same ? values : undefined);
  }
  return Object.fromEntries(keys.map((key) => [key, commonParts(first[key], second[key])]));
}

/** Returns the paths of the variable parts. */
export function variableParts(expected: unknown, where = ""): string[] {
  if (expected instanceof Varies || expected instanceof Entries) return [where];
  if (!isTree(expected)) return [];
  return Object.entries(expected).flatMap(([key, value]) => variableParts(value, join(where, key)));
}

/** Returns the differences of a result from the expected one. */
export function differences(expected: unknown, actual: unknown, where = ""): Difference[] {
  if (expected instanceof Varies) return [];
  if (expected instanceof Entries) {
    const { named, count, values } = expected;
    const all = [{ where, expected: show(expected), actual: show(actual) }];
    if (!isTree(actual)) return all;
    const [kept, others] = split(Object.keys(actual), (key) => Object.hasOwn(named, key));
    if (others.length !== count || (values && sortedValues(actual, others).join() !== values.join())) return all;
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

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity });
}
