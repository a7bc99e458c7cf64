import { createGeneratorSync, type JsonSchema } from "json-schema-faker";
import { z } from "zod";
import { type EventDefinition, parserOf } from "../api/define_event.ts";
import { dataProblem, isWithoutData } from "../project/data_problem.ts";
import { type Issue, issueText } from "../core/cloudevent.ts";
import { type Node, readableSchema } from "./sample_schema.ts";

/** Options of {@linkcode sample}. */
export interface SampleOptions<Data> {
  /**
   * The seed of the random values. Equal seeds yield equal data.
   *
   * @default 1
   */
  readonly seed?: number;
  /** Fields to set. The other fields are made to fit them. */
  readonly override?: Partial<Data>;
}

const DEFAULT_SEED = 1;
/** Samples to try before giving up. They take some milliseconds in all. */
const TRIES = 300;
/** Every fifth try is of new data, since another branch of a union or a check across fields may need it. */
const START_OVER_EVERY = 5;
/** As often new data are repaired from then on, also with more issues. Until then those with the fewest are. */
const FORGET_EVERY = 60;
/** Number of guesses at what a JSON Schema does not state: see `readableSchema`. */
const GUESSES = 10;
/** Depth limit of the generator. A readable schema ends its recursion far earlier. */
const MAX_DEPTH = 1_000;

/**
 * Makes data for an event from its schema: valid, short, and the same at each call. It is the schema's input, as a
 * publisher sends it. A schema with `.meta({ examples: […] })` yields one of the examples.
 *
 * @throws {Error} if no valid data was found, for example when a `refine` checks more than the schema states.
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
  if (!Number.isSafeInteger(seed)) throw new Error(`the seed of a sample must be a whole number, not ${seed}`);
  if (isWithoutData(event.data)) return undefined as z.input<Event["data"]>;
  const parse = parserOf(event);
  const make = (attempt: number) => merge(generate(event, attempt % GUESSES, seed * TRIES + attempt), override);
  let best = make(0), issues: readonly Issue[] | undefined;
  for (let attempt = 1, data = best; attempt <= TRIES; attempt++) {
    const result = parse(data), isNew = attempt % START_OVER_EVERY === 1;
    if (result.ok) return data as z.input<Event["data"]>;
    if (!issues || !isNew || result.issues.length < issues.length || attempt % FORGET_EVERY === 1) {
      best = data;
      issues = result.issues;
    }
    const fresh = make(attempt);
    data = attempt % START_OVER_EVERY === 0 ? fresh : merge(repair(best, issues, fresh), override);
  }
  throw new Error(
    `no valid sample of "${event.type}" was found: ${issueText(issues!)}. ` +
      "Give that part of the schema `.meta({ examples: […] })`, or pass sample() an `override`",
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

/** Returns the JSON Schema of an event, with the valid examples of transformed parts, which zod leaves out. */
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

/** Sets the fields of an override. A value without fields is replaced. */
function merge(data: unknown, override: unknown): unknown {
  if (override === undefined) return data;
  return isFields(data) && isFields(override) ? { ...data, ...override } : override;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Copies the values at the paths of issues from another sample. */
function repair(data: unknown, issues: readonly Issue[], fresh: unknown): unknown {
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
