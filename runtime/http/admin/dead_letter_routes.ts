import {
  DEAD_LETTER_REASONS,
  type DeadLetter,
  type DeadLetterContent,
  type DeadLetterFilter,
  type DeadLetterGroups,
  type Redriven,
} from "../../core/dead_letter.ts";
import { Problem } from "../problem.ts";
import { type Parameters, type Route, route } from "../router.ts";
import {
  checkFunction,
  choiceOf,
  durationOf,
  type KnownFunctions,
  listLimit,
  numberOf,
  queryOf,
  selectionOf,
} from "./query.ts";

export interface DeadLetters {
  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter>;
  groups(filter: DeadLetterFilter): Promise<DeadLetterGroups>;
  read(sequence: number): Promise<DeadLetterContent | undefined>;
  redrive(sequence: number, force: boolean): Promise<Redriven>;
  redriveAll(filter: DeadLetterFilter, force: boolean): Promise<Record<Redriven | "failed", number>>;
  discard(sequence: number): Promise<boolean>;
}

/** Reasons why a dead letter was not redriven, with the remedy. */
export const NOT_REDRIVEN: Readonly<Record<Exclude<Redriven, "redriven" | "missing">, string>> = {
  "held-back": "it was redriven so often that this may be a loop",
  parked: "it waits for an earlier event of its key, and returns by itself once that is handled or discarded",
  "no-function":
    "no process runs its function, and the project has none of that name or has never started it: start the function, " +
    "or discard the dead letter",
  "too-large":
    "with the headers of its redrive it exceeds max_payload, compressed too: raise max_payload, or discard it",
};

const FILTERS = ["function", "reason", "type", "olderThan", "newerThan", "error", "limit"] as const;
const ONE = "/dead-letters/:sequence";

/**
 * Returns the routes that list, show, redrive and discard dead letters.
 * `?function= &reason= &type= &error= &olderThan= &newerThan= &limit=` filter the list and what is redriven.
 */
export function deadLetterRoutes(deadLetters: DeadLetters, known: KnownFunctions): Route[] {
  return [
    route("GET", "/dead-letters", async (request) => {
      const filter = filterOf(queryOf(request, FILTERS)), limit = listLimit(filter);
      const letters = await Array.fromAsync(deadLetters.list({ ...filter, limit }));
      if (letters.length === 0) await checkFunction(filter, known);
      return Response.json(letters);
    }),
    route("GET", "/dead-letters/groups", async (request) => {
      const filter = filterOf(queryOf(request, FILTERS)), { groups } = await deadLetters.groups(filter);
      if (groups.length === 0) await checkFunction(filter, known);
      return Response.json(groups);
    }),
    route("POST", "/dead-letters/redrive", async (request) => {
      const { force, ...filters } = queryOf(request, [...FILTERS, "force"]);
      const filter = filterOf(filters), counts = await deadLetters.redriveAll(filter, isForced(force));
      if (Object.values(counts).every((count) => count === 0)) await checkFunction(filter, known);
      return Response.json(counts);
    }),
    route("GET", ONE, async (_, parameters) => {
      const letter = await deadLetters.read(sequenceOf(parameters));
      if (!letter) throw missing(parameters);
      return Response.json(showContent(letter));
    }),
    route("POST", `${ONE}/redrive`, async (request, parameters) => {
      const { force } = queryOf(request, ["force"]);
      return await redriveOne(deadLetters, parameters, isForced(force));
    }),
    route("DELETE", ONE, async (_, parameters) => {
      if (!await deadLetters.discard(sequenceOf(parameters))) throw missing(parameters);
      return new Response(null, { status: 204 });
    }),
  ];
}

async function redriveOne(deadLetters: DeadLetters, parameters: Parameters, force: boolean): Promise<Response> {
  const outcome = await deadLetters.redrive(sequenceOf(parameters), force);
  switch (outcome) {
    case "redriven":
      return Response.json({ outcome }, { status: 202 });
    case "missing":
      throw missing(parameters);
    case "held-back":
      throw new Problem("held-back", `${NOT_REDRIVEN[outcome]}: add ?force=true to redrive it anyway`);
    case "parked":
      throw new Problem("parked", `${NOT_REDRIVEN[outcome]}: ?force=true redrives it out of order`);
    case "no-function":
      throw new Problem("no-function", NOT_REDRIVEN[outcome]);
    case "too-large":
      throw new Problem("redrive-too-large", NOT_REDRIVEN[outcome]);
  }
}

/** Returns a dead letter as JSON. As in CloudEvents, a JSON payload becomes `data`, and any other `data_base64`. */
export function showContent({ payload, ...letter }: DeadLetterContent): Record<string, unknown> {
  try {
    return { ...letter, data: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) };
  } catch {
    return { ...letter, data_base64: payload.toBase64() };
  }
}

function filterOf(query: Partial<Record<typeof FILTERS[number], string>>): DeadLetterFilter {
  const { reason, olderThan, newerThan, error, ...selection } = query;
  return {
    ...selectionOf(selection),
    ...(reason !== undefined && { reason: choiceOf("reason", reason, DEAD_LETTER_REASONS) }),
    ...(error && { error }),
    ...(olderThan !== undefined && { olderThanMs: durationOf("olderThan", olderThan) }),
    ...(newerThan !== undefined && { newerThanMs: durationOf("newerThan", newerThan) }),
  };
}

function isForced(force = "false"): boolean {
  return choiceOf("force", force, ["true", "false"]) === "true";
}

function sequenceOf(parameters: Parameters): number {
  return numberOf("the sequence", parameters.sequence);
}

function missing(parameters: Parameters): Problem {
  return new Problem("not-found", `there is no dead letter ${parameters.sequence}`);
}
