import { createGeneratorSync } from "json-schema-faker";

/** A node of a JSON Schema, as zod writes it. */
export interface Node {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly [keyword: string]: unknown;
}

/** Examples of formats that a JSON Schema does not describe, or describes by a pattern that no generator follows. */
const BY_FORMAT: Readonly<Record<string, readonly string[]>> = {
  duration: ["PT5M", "P1D", "PT1H30M"],
  emoji: ["🙂", "🎉", "🚀"],
  jwt: ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
};
/** Guesses at a string that a transform parses: the JSON Schema does not state its form. */
const PARSED_STRINGS: readonly Node[] = [
  { pattern: "^[1-9][0-9]{0,2}$" },
  { enum: ["true", "false"] },
  { format: "date-time" },
  { enum: ["{}", "[]", "a,b"] },
];
const RANDOM_LENGTH = 6;
/** Numbers to choose from. They start at 1 if the schema allows, since small numbers are easy to read. */
const NUMBER_CHOICES = 100;

/**
 * Narrows a schema so that generated data is short, easy to read and finite. The data may still violate checks that the
 * JSON Schema does not state, so the caller validates it.
 *
 * @param guess The number of the guess at what the JSON Schema does not state, from 0.
 */
export function readableSchema(root: Node, guess: number): Node {
  return new Narrowing(root, guess).narrow(root, "text", ["#"]) ?? {};
}

class Narrowing {
  constructor(readonly root: Node, readonly guess: number) {}

  /** Returns undefined if no finite value is left. */
  narrow(node: Node, key: string, within: readonly string[]): Node | undefined {
    if (typeof node.$ref === "string") return this.#follow(node.$ref, key, within);
    if (Array.isArray(node.examples) && node.examples.length > 0) return { enum: node.examples };
    if (node.not) return undefined;
    if (node.enum) return { enum: node.enum };
    if ("const" in node) return { const: node.const };
    for (const union of ["anyOf", "oneOf"]) {
      if (Array.isArray(node[union])) return this.#choose(node[union], key, within);
    }
    if (Array.isArray(node.type)) {
      return this.#choose(node.type.map((type) => ({ ...node, type })), key, within);
    }
    switch (node.type) {
      case "object":
        return this.#object(node, key, within);
      case "array":
        return this.#array(node, key, within);
      case "string":
        return this.#string(node, key);
      case "integer":
      case "number":
        return smallNumbers(node) ?? node;
    }
    if (Array.isArray(node.allOf)) {
      const parts = node.allOf.map((part) => this.narrow(part, key, within));
      return parts.includes(undefined) ? undefined : { allOf: parts };
    }
    return node.type ? { type: node.type } : this.#string(node, key);
  }

  /** Follows a reference at most twice on one path, so that recursion ends. */
  #follow(ref: string, key: string, within: readonly string[]): Node | undefined {
    if (within.filter((one) => one === ref).length > 1) return undefined;
    const target = ref.slice(1).split("/").filter((part) => part !== "")
      .reduce((node: unknown, part) => (node as Node)?.[unescape(part)], this.root) as Node;
    return this.narrow(target, key, [...within, ref]);
  }

  /** Chooses null only if no other option is left, since null shows the least. */
  #choose(options: readonly Node[], key: string, within: readonly string[]): Node | undefined {
    const possible = options.filter(({ type }) => type !== "null").map((option) => this.narrow(option, key, within))
      .filter((option) => option !== undefined);
    if (possible.length > 0) return { anyOf: possible };
    return options.some(({ type }) => type === "null") ? { type: "null" } : undefined;
  }

  #object(node: Node, key: string, within: readonly string[]): Node | undefined {
    const required = node.required as readonly string[] | undefined ?? [];
    const properties: Record<string, Node> = {};
    for (const [name, property] of Object.entries(node.properties as Record<string, Node> | undefined ?? {})) {
      const narrowed = this.narrow(property, name, within);
      if (narrowed) properties[name] = narrowed;
      else if (required.includes(name)) return undefined;
    }
    const allOf = (node.allOf as readonly Node[] | undefined ?? []).map((part) => this.narrow(part, key, within));
    if (allOf.includes(undefined)) return undefined;
    const names = node.propertyNames as Node | undefined;
    const value = names && this.narrow(node.additionalProperties as Node, key, within);
    const listed = names?.enum as readonly string[] | undefined ?? [];
    if (value) {
      const some = required.length > 0 ? required : listed.length > 0 ? listed : [this.#nameLike(names!, key)];
      for (const name of some) properties[name] = value;
    } else if (names && required.length > 0) return undefined;
    const all = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
    return allOf.length === 0 ? all : { allOf: [{ ...all, additionalProperties: undefined }, ...allOf] };
  }

  /** Makes the name of a record's entry: the generator makes names only for records without a pattern. */
  #nameLike({ pattern }: Node, key: string): string {
    if (typeof pattern !== "string") return `${key}1`;
    const names = [`${key}1`, key, "a", "1", "a1", "A1", "k0", "x-1", "00", "abc", "ABC"];
    const simple = names.find((name) => new RegExp(pattern, "u").test(name));
    return simple ?? String(createGeneratorSync({ seed: this.guess + 1 }).generate({ type: "string", pattern }));
  }

  #array(node: Node, key: string, within: readonly string[]): Node | undefined {
    const least = node.minItems as number | undefined ?? 0, most = node.maxItems as number | undefined ?? Infinity;
    const fixed = (node.prefixItems as readonly Node[] | undefined ?? []).map((one) => this.narrow(one, key, within));
    if (fixed.includes(undefined)) return undefined;
    if (fixed.length > 0) {
      const rest = node.items && least > fixed.length ? this.narrow(node.items as Node, key, within) : false;
      const items = Math.max(fixed.length, least);
      return { type: "array", prefixItems: fixed, items: rest, minItems: items, maxItems: items };
    }
    const item = most === 0 ? undefined : this.narrow(node.items as Node ?? {}, key, within);
    if (!item) return least > 0 ? undefined : { type: "array", maxItems: 0 };
    return { type: "array", items: item, minItems: Math.max(least, 1), maxItems: Math.min(most, Math.max(least, 2)) };
  }

  #string(node: Node, key: string): Node {
    const { minLength = 0, maxLength = Infinity } = node as { minLength?: number; maxLength?: number };
    const patterns = [node.pattern, ...(node.allOf as readonly Node[] | undefined ?? []).map(({ pattern }) => pattern)]
      .filter((pattern) => pattern !== undefined);
    const known = BY_FORMAT[node.format ?? ""];
    if (known) return { enum: known };
    const length = { minLength, ...(maxLength < Infinity && { maxLength }) };
    // A format may have a pattern of its own. Every other guess follows the pattern.
    if (node.format && (this.guess % 2 === 0 || patterns.length === 0) && patterns.length < 2) {
      return { type: "string", format: node.format, ...length };
    }
    const other = this.guess % (PARSED_STRINGS.length + 1);
    if (patterns.length === 0 && other > 0) return { type: "string", ...PARSED_STRINGS[other - 1] };
    const named = /^[A-Za-z]\w*$/.test(key) && key.length + 1 + RANDOM_LENGTH <= maxLength ? `${key}-` : "";
    const random = Math.max(Math.min(RANDOM_LENGTH, maxLength), minLength - named.length);
    const readable = named + "a".repeat(random);
    if (patterns.every((pattern) => new RegExp(pattern, "u").test(readable))) {
      return { type: "string", pattern: `^${named}[a-z0-9]{${random}}$` };
    }
    return { type: "string", pattern: patterns.length === 1 ? patterns[0] : joined(patterns, minLength), ...length };
  }
}

/** Joins the patterns of `startsWith`, `includes` and `endsWith`, in this order. */
function joined(patterns: readonly string[], minLength: number): string {
  const bare = (pattern: string) => pattern.replace(/^\^/, "").replace(/\$$/, "").replace(/^\.\*|\.\*$/g, "");
  const first = patterns.filter((pattern) => pattern.startsWith("^"));
  const last = patterns.filter((pattern) => !first.includes(pattern) && pattern.endsWith("$"));
  const middle = patterns.filter((pattern) => !first.includes(pattern) && !last.includes(pattern));
  const length = patterns.reduce((sum, pattern) => sum + bare(pattern).replaceAll("\\", "").length, 0);
  const filling = `[a-z]{${Math.max(0, minLength - length)}}`;
  return `^${[...first, ...middle].map(bare).join("")}${filling}${last.map(bare).join("")}$`;
}

function unescape(part: string): string {
  return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Returns numbers that a schema takes, preferably small and whole. Undefined if no multiple is within the bounds. */
function smallNumbers(node: Node): { enum: number[] } | undefined {
  const { multipleOf } = node as { multipleOf?: number };
  const step = multipleOf ?? 1;
  const low = bound(node, "minimum", "exclusiveMinimum", -Infinity, step);
  const high = bound(node, "maximum", "exclusiveMaximum", Infinity, step);
  const least = Math.ceil(low / step), most = Math.floor(high / step);
  if (most < least) return undefined;
  const first = Math.ceil(1 / step);
  const from = Math.max(least, most < first ? most - NUMBER_CHOICES + 1 : first);
  const count = Math.min(NUMBER_CHOICES, most - from + 1);
  // Twelve digits, since a multiple of a decimal fraction has the error of a binary one.
  return { enum: Array.from({ length: count }, (_, i) => Number(((from + i) * step).toPrecision(12))) };
}

function bound(node: Node, inclusive: string, exclusive: string, none: number, step: number): number {
  const at = node[inclusive] as number | undefined, beyond = node[exclusive] as number | undefined;
  const inward = none < 0 ? 1 : -1;
  const nearest = beyond === undefined ? none : beyond + inward * (beyond % step === 0 ? step : 0);
  return none < 0 ? Math.max(at ?? none, nearest) : Math.min(at ?? none, nearest);
}
