import { parserOf } from "../api/define_event.ts";
import type { DeadLetterContent, DeadLetterFilter, DeadLetterGroups } from "../core/dead_letter.ts";
import { DEAD_LETTER_REASONS } from "../core/dead_letter.ts";
import { parseTraceparent } from "../core/traceparent.ts";
import { NOT_REDRIVEN } from "../http/admin/dead_letter_routes.ts";
import { choiceOf, numberOf, queryOf, selectionOf } from "../http/admin/query.ts";
import { malformed, Problem } from "../http/problem.ts";
import { type Parameters, type Route, route } from "../http/router.ts";
import { groupId } from "../nats/dead_letters/groups.ts";
import { triggerFor } from "../project/resolve_function.ts";
import { type BulkAction, BulkJobs } from "./bulk_job.ts";
import type { ConsoleOptions } from "./options.ts";
import { payloadView } from "./payload_view.ts";
import { bodyOf, textOf } from "./request_json.ts";

const ALL = "/console/api/dead-letters", ONE = `${ALL}/:sequence`, JOBS = `${ALL}/jobs`;
const FILTERS = ["function", "reason", "type", "error"] as const;
/** Number of dead letters of a page without `limit`, and the greatest `limit`. */
const DEFAULT_LIMIT = 50, MAX_LIMIT = 500;

type Options = Pick<ConsoleOptions, "deadLetters" | "registry" | "cluster" | "dev">;

/** Returns the routes that list, show, redrive and discard dead letters, one or many. */
export function deadLetterRoutes(options: Options): Route[] {
  const { deadLetters } = options, jobs = new BulkJobs(deadLetters), readGroups = groupsReader(options);
  return [
    route("GET", `${ALL}/groups`, async (request) => {
      const { groups, ungrouped } = await readGroups(filterOf(queryOf(request, FILTERS)));
      return Response.json({ groups, ungrouped, total: groups.reduce((sum, { count }) => sum + count, ungrouped) });
    }),
    route("GET", ALL, async (request) => Response.json(await page(options, request))),
    route("POST", JOBS, async (request) => {
      const { action, filter = {}, force = false } = await bodyOf(request, ["action", "filter", "force"]);
      const chosen = choiceOf("action", String(action), ["redrive", "discard"]) as BulkAction;
      return Response.json(await jobs.begin(chosen, filterIn(filter), flagOf("force", force)), { status: 202 });
    }),
    route("GET", `${JOBS}/:id`, (_, { id }) => {
      const status = jobs.status(id);
      if (!status) throw noJob(id);
      return Response.json(status);
    }),
    route("DELETE", `${JOBS}/:id`, (_, { id }) => {
      if (!jobs.cancel(id)) throw noJob(id);
      return Response.json(jobs.status(id));
    }),
    route("GET", ONE, async (_, parameters) => Response.json(show(options, await find(options, parameters)))),
    route("POST", `${ONE}/redrive`, (request, parameters) => redrive(options, request, parameters)),
    route("POST", `${ONE}/discard`, async (_, parameters) => {
      if (!await deadLetters.discard(sequenceOf(parameters))) throw missing(parameters);
      return Response.json({ outcome: "discarded" });
    }),
  ];
}

/** Returns a reader of groups that reads the stream again only once it has changed. */
function groupsReader({ deadLetters, cluster: { jsm, names } }: Options) {
  let known: { readonly key: string; readonly groups: Promise<DeadLetterGroups> } | undefined;
  return async (filter: DeadLetterFilter): Promise<DeadLetterGroups> => {
    const { state: { messages, last_seq } } = await jsm.streams.info(names.deadLetters.stream);
    const key = JSON.stringify([messages, last_seq, filter]);
    if (known?.key !== key) known = { key, groups: deadLetters.groups(filter) };
    return await known.groups.catch((error) => {
      known = undefined;
      throw error;
    });
  };
}

async function page({ deadLetters }: Options, request: Request) {
  const { after, limit, ...filters } = queryOf(request, [...FILTERS, "after", "limit"]);
  const count = limit === undefined ? DEFAULT_LIMIT : Math.min(numberOf("limit", limit), MAX_LIMIT);
  const from = after === undefined ? {} : { after: numberOf("after", after) };
  const letters = await Array.fromAsync(deadLetters.list({ ...filterOf(filters), ...from, limit: count + 1 }));
  const shown = letters.slice(0, count);
  return { letters: shown, next: letters.length > count ? shown.at(-1)!.sequence : null };
}

async function redrive(options: Options, request: Request, parameters: Parameters): Promise<Response> {
  const { deadLetters, dev } = options, body = await bodyOf(request, ["force", "data"]);
  const sequence = sequenceOf(parameters), force = flagOf("force", body.force ?? false);
  let payload: Uint8Array | undefined;
  if ("data" in body) {
    if (!dev) throw new Problem("forbidden", "only `dev` redrives a dead letter with other data");
    payload = payloadOf(options, await find(options, parameters), body.data);
  }
  const outcome = await deadLetters.redrive(sequence, force, undefined, payload);
  if (outcome === "redriven") return Response.json({ outcome });
  if (outcome === "missing") throw missing(parameters);
  throw new Problem(outcome === "too-large" ? "redrive-too-large" : outcome, NOT_REDRIVEN[outcome]);
}

/** Returns the payload of edited data. @throws {Problem} 400 if the function's schema refuses it. */
function payloadOf({ registry }: Options, letter: DeadLetterContent, data: unknown): Uint8Array {
  const fn = registry.functions.find(({ name }) => name === letter.function);
  const event = fn && triggerFor(fn, letter.type)?.event, parsed = event && parserOf(event)(data);
  if (parsed && !parsed.ok) {
    const detail = `the data does not match the schema of ${letter.type}`;
    throw new Problem("invalid-data", detail, { members: { errors: parsed.issues } });
  }
  return new TextEncoder().encode(JSON.stringify(data));
}

function show({ dev }: Options, { payload, headers, ...letter }: DeadLetterContent) {
  const find = (name: string) => Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  return {
    ...letter,
    headers: Object.entries(headers),
    traceId: parseTraceparent(find("weir-attempt-trace") ?? find("traceparent"))?.traceId,
    editable: dev,
    group: groupId(letter),
    ...payloadView(payload),
  };
}

async function find({ deadLetters }: Options, parameters: Parameters): Promise<DeadLetterContent> {
  const letter = await deadLetters.read(sequenceOf(parameters));
  if (!letter) throw missing(parameters);
  return letter;
}

function filterOf(query: Partial<Record<typeof FILTERS[number], string>>): DeadLetterFilter {
  const { function: fn, reason, type, error } = query;
  return {
    ...selectionOf({ ...(fn && { function: fn }), ...(type && { type }) }),
    ...(reason && { reason: choiceOf("reason", reason, DEAD_LETTER_REASONS) }),
    ...(error && { error }),
  };
}

/** Returns the filter in the body of a request. An unknown member is refused: without it, all would match. */
function filterIn(given: unknown): DeadLetterFilter {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw malformed("filter: it is an object");
  const unknown = Object.keys(given).find((name) => !(FILTERS as readonly string[]).includes(name));
  if (unknown !== undefined) throw malformed(`filter: unknown member ${unknown}; known are: ${FILTERS.join(", ")}`);
  return filterOf(Object.fromEntries(Object.entries(given).map(([name, value]) => [name, textOf(name, value)])));
}

function flagOf(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw malformed(`${name}: it is true or false`);
}

function sequenceOf({ sequence }: Parameters): number {
  return numberOf("the sequence", sequence);
}

function missing({ sequence }: Parameters): Problem {
  return new Problem("not-found", `there is no dead letter ${sequence}: it was redriven or discarded`);
}

function noJob(id: string): Problem {
  return new Problem("not-found", `there is no job ${id}: it ended long ago, or this process was restarted`);
}
