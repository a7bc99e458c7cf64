import { inspect } from "node:util";

/** A value that is another in every run, such as a random id: nothing can be expected of it. */
class Varies {
  [inspect.custom](): string {
    return "(varies)";
  }
}

/** As many entries, under names that are others in every run. */
class Entries {
  constructor(readonly count: number) {}

  [inspect.custom](): string {
    return `${this.count} entries`;
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

/** Data alone: what maps, sets and objects of classes hold, by name. */
export function asTree(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[seen above]";
  const below = (inner: unknown) => asTree(inner, [...above, value]);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [nameOf(key), below(one)]));
  if (value instanceof Set) return [...value].map(below).sort((a, b) => show(a) < show(b) ? -1 : 1);
  if (Array.isArray(value)) return value.map(below);
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== undefined).map(([key, one]) => [key, below(one)]),
  );
}

/** What two runs have in common. What differs between them says nothing, and is marked so. */
export function common(first: unknown, second: unknown): unknown {
  if (!isTree(first) || !isTree(second)) return Object.is(first, second) ? first : new Varies();
  const keys = Object.keys(first);
  if (keys.length !== Object.keys(second).length || Array.isArray(first) !== Array.isArray(second)) return new Varies();
  if (!keys.every((key) => key in second)) return new Entries(keys.length);
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
    if (isTree(actual) && Object.keys(actual).length === expected.count) return [];
    return [{ where, expected: show(expected), actual: show(actual) }];
  }
  if (!isTree(expected) || !isTree(actual)) {
    return Object.is(expected, actual) ? [] : [{ where, expected: show(expected), actual: show(actual) }];
  }
  return [...new Set([...Object.keys(expected), ...Object.keys(actual)])].flatMap((key) => {
    if (key in expected && key in actual) return differences(expected[key], actual[key], join(where, key));
    const side = (tree: Tree) => key in tree ? show(tree[key]) : "(nothing)";
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
