import { parseDuration } from "../core/duration.ts";
import { serverTime } from "../nats/client/server_time.ts";
import { malformed, Problem } from "../http/problem.ts";
import { type Route, route } from "../http/router.ts";
import { allConsumers } from "../nats/topology/function_consumers.ts";
import { pauseConsumers, resumeConsumers } from "../nats/topology/pause.ts";
import { formatPolicy, policyValues } from "../project/format_policy.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { unknownFunction } from "../project/unknown_name.ts";
import { COLUMNS, type Point, STEP_SECONDS } from "./function_record.ts";
import type { LiveStatusReader } from "./live_status.ts";
import type { ConsoleOptions } from "./options.ts";
import type { Recorder } from "./recorder.ts";
import { bodyOf } from "./request_json.ts";

const ONE = "/console/api/functions/:name";

/** Returns the routes of one function: what is known of it, and its pause. */
export function functionRoutes(
  options: Pick<ConsoleOptions, "registry" | "cluster">,
  recorder: Recorder,
  reader: LiveStatusReader,
): Route[] {
  const { registry: { functions }, cluster: { jsm, names } } = options;
  const find = (name: string) => {
    const fn = functions.find((one) => one.name === name);
    if (!fn) throw new Problem("not-found", unknownFunction(name, functions.map((one) => one.name)));
    return fn;
  };
  const consumersOf = async (name: string) => {
    const consumers = await allConsumers(jsm, find(name).name, names);
    if (consumers.length === 0) throw new Problem("no-function", `${name} has no consumer yet: no process has run it`);
    return consumers;
  };
  return [
    route("GET", ONE, async (_, { name }) => {
      const fn = find(name), status = (await reader.read()).functions.get(name);
      return Response.json({ ...describe(fn, recorder), status });
    }),
    route("POST", `${ONE}/pause`, async (request, { name }) => {
      const { for: span } = await bodyOf(request, ["for"]), ms = span === undefined ? undefined : spanOf(span);
      const consumers = await consumersOf(name);
      const untilMs = ms === undefined ? undefined : serverTime(consumers[0]) + ms;
      return Response.json({ pausedUntil: await pauseConsumers(jsm, consumers, untilMs) });
    }),
    route("POST", `${ONE}/resume`, async (request, { name }) => {
      await bodyOf(request, []);
      return Response.json({ resumed: await resumeConsumers(jsm, await consumersOf(name)) });
    }),
  ];
}

function describe(fn: ResolvedFunction, recorder: Recorder) {
  const { name, file, triggers, emits, needs = [], policy } = fn, record = recorder.of(name);
  const called = recorder.dispatcher(name)?.pipeline.breakers.filter(({ of }) => of === "dependency") ?? [];
  const formatted = formatPolicy(policy, Object.fromEntries(called.map(({ name, policy }) => [name, policy])));
  return {
    name,
    file,
    triggers: triggers.map(({ pattern, stream, event, schedule }) => ({
      pattern,
      stream,
      ...(event && { event: event.type }),
      ...(schedule && { schedule: schedule.text }),
    })),
    emits: emits.map(({ type }) => type),
    needs: needs.map((resource) => resource.name),
    policy: policyValues(formatted),
    concurrency: policy.concurrency,
    runsHere: record !== undefined,
    series: seriesOf(record?.points ?? []),
    errors: record?.errors() ?? [],
    breakers: recorder.changesOf(name),
  };
}

/** Returns points as columns, as charts take them. */
function seriesOf(points: readonly Point[]) {
  const columns = ["t", ...COLUMNS].map((name) => [name, points.map((point) => point[name as keyof Point])]);
  return { stepSeconds: STEP_SECONDS, ...Object.fromEntries(columns) };
}

function spanOf(span: unknown): number {
  const ms = typeof span === "string" || typeof span === "number" ? parseDuration(span as never) : undefined;
  if (!ms) throw malformed('for: it is a duration above zero, such as "30m"');
  return ms;
}
