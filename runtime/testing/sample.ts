import { createGeneratorSync, type JsonSchema } from "json-schema-faker";
import { z } from "zod";
import { type EventDefinition, parserOf } from "../api/define_event.ts";
import { dataProblem } from "../project/data_problem.ts";
import { type Issue, issueText } from "../core/cloudevent.ts";
import { type Node, readableSchema } from "./sample_schema.ts";

/**
 * What {@linkcode sample} takes besides the event.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent } from "weir";
 * import { sample, type SampleOptions } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string(), age: z.int() }) });
 * const ada: SampleOptions<{ name: string; age: number }> = { seed: 7, override: { name: "Ada" } };
 *
 * assert.equal(sample(Asked, ada).name, "Ada");
 * ```
 */
export interface SampleOptions<Data> {
  /** Another seed yields other data; the same one always the same. Default: 1. */
  readonly seed?: number;
  /** What matters to the test: these fields are as given, the others made to go with them. */
  readonly override?: Partial<Data>;
}

const DEFAULT_SEED = 1;
/** Each takes some tens of microseconds. */
const TRIES = 300;
/** A union's other branch or a check across fields may want all of it made anew. */
const ANEW_EVERY = 5;
/** How many ways there are of guessing what a JSON Schema does not say. */
const GUESSES = 10;
/** Recursion has ended before. */
const MAX_DEPTH = 1_000;

/**
 * Data for an event, made from its schema: valid, short, and the same each time. It is what a publisher would send, so
 * the schema's input. Where a schema gives `.meta({ examples: […] })` it is one of those.
 *
 * @throws {Error} when nothing that fits is found, as it may be where a `refine` asks for what the schema does not say.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent } from "weir";
 * import { sample } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string(), age: z.int() }) });
 *
 * const asked = sample(Asked, { override: { name: "Ada" } }); // such as { name: "Ada", age: 57 }
 * assert.equal(asked.name, "Ada");
 * assert.deepEqual(sample(Asked), sample(Asked));
 * assert.notDeepEqual(sample(Asked), sample(Asked, { seed: 2 }));
 * ```
 */
export function sample<Event extends EventDefinition>(
  event: Event,
  options: SampleOptions<z.input<Event["data"]>> = {},
): z.input<Event["data"]> {
  const { seed = DEFAULT_SEED, override } = options;
  if (!Number.isSafeInteger(seed)) throw new Error(`the seed of a sample is a whole number, not ${seed}`);
  const parse = parserOf(event);
  const make = (attempt: number) => merged(generate(event, attempt % GUESSES, seed * TRIES + attempt), override);
  let data = make(0), issues: readonly Issue[] = [];
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const result = parse(data);
    if (result.ok) return data as z.input<Event["data"]>;
    issues = result.issues;
    const fresh = make(attempt);
    data = attempt % ANEW_EVERY === 0 ? fresh : merged(mended(data, issues, fresh), override);
  }
  throw new Error(
    `no sample of "${event.type}" was found that its schema takes: ${issueText(issues)}. ` +
      "Give that part of the schema `.meta({ examples: […] })`, or sample() an `override`",
  );
}

const schemas = new WeakMap<EventDefinition, Node[]>();

function generate(event: EventDefinition, guess: number, seed: number): unknown {
  let guesses = schemas.get(event);
  if (!guesses) {
    const root = schemaOf(event);
    schemas.set(event, guesses = Array.from({ length: GUESSES }, (_, i) => readableSchema(root, i)));
  }
  const generator = createGeneratorSync({
    seed,
    maxDepth: MAX_DEPTH,
    minDateTime: "2026-01-01",
    maxDateTime: "2026-12-31",
  });
  return generator.generate(guesses[guess] as JsonSchema);
}

/** With the examples also of what is transformed, which zod leaves out: those of them that can be sent. */
function schemaOf(event: EventDefinition): Node {
  const problem = dataProblem(event.data);
  if (problem) throw new Error(`no sample of "${event.type}": ${problem}`);
  return z.toJSONSchema(event.data as z.ZodType, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      const given = z.globalRegistry.get(zodSchema)?.examples;
      if (!Array.isArray(given)) return;
      jsonSchema.examples = given.filter((example) => z.safeParse(zodSchema, example).success);
    },
  }) as Node;
}

/** Field by field; of what has no fields all of it. */
function merged(data: unknown, override: unknown): unknown {
  if (override === undefined) return data;
  return isFields(data) && isFields(override) ? { ...data, ...override } : override;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same, with what was wrong as it is in another sample. */
function mended(data: unknown, issues: readonly Issue[], fresh: unknown): unknown {
  let whole = structuredClone(data);
  for (const { path } of issues) {
    const names = path === "" ? [] : path.split(".");
    const last = names.pop();
    if (last === undefined) return fresh;
    const parent = at(whole, names), source = at(fresh, names);
    if (isObject(parent) && isObject(source) && last in source) Reflect.set(parent, last, source[last]);
    else whole = fresh;
  }
  return whole;
}

function at(data: unknown, names: readonly string[]): unknown {
  return names.reduce((value, name) => isObject(value) ? value[name] : undefined, data);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
