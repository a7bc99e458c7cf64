import { backoffMs } from "../../core/backoff.ts";
import { overlaps } from "../../core/subjects.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../../nats/retry/retry_stream.ts";
import { NEW_STREAM } from "../../nats/topology/plan_stream.ts";
import type { Registry } from "../../project/registry.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import type { FunctionPolicy } from "../../project/resolve_policy.ts";
import { type Facts, known } from "../facts.ts";
import { span } from "../format.ts";
import { type Rule, rulesOf } from "../rule.ts";

export const PROJECT_RULES: readonly Rule[] = rulesOf("project", [
  {
    id: "project",
    severity: "error",
    holds: "every file of schemas/ and functions/ loads and is valid",
    why: "`start` exits with 1.",
    fix: "correct the file that the finding names",
    find: ({ projectProblems }) => projectProblems.map((what) => ({ what })),
  },
  {
    id: "project-warnings",
    holds: "nothing in schemas/ and functions/ is allowed and probably a mistake",
    why:
      "`start`, `dev`, `plan` and `apply` warn of it and go on. The project then probably does not do what its author " +
      "meant.",
    fix:
      "correct what the finding names, or leave it if it is meant; `deno task plan --strict` in CI exits with 1 on it",
    find: ({ project }) => known(project).warnings.map((what) => ({ what })),
  },
  {
    id: "retry-horizon",
    severity: "error",
    holds: "a stream keeps events longer than their retries take",
    why: "The stream removes an event that waits for its next attempt: the event is lost, without a dead letter. " +
      "Retries that are delayed by five seconds or more do not count, since they wait in RETRIES, which has no age limit.",
    fix: "a longer `maxAge` of the stream, fewer attempts, or a shorter timeout",
    find: eachStream(({ name, policy }, stream, maxAgeMs) => {
      const needsMs = attemptsInStreamMs(policy);
      if (needsMs < maxAgeMs) return undefined;
      return `${name}: ${policy.retry.attempts} attempts with a timeout of ${span(policy.timeoutMs)} ` +
        `may take ${span(needsMs)} in the stream ${stream}, which keeps events for ${span(maxAgeMs)}`;
    }),
  },
  {
    id: "function-age",
    holds: "a function's maxAge is longer than its retries take",
    why: "An event that is older than `maxAge` becomes a dead letter, `expired`, although attempts are left.",
    fix: "a longer `maxAge` of the function, fewer attempts, or shorter delays",
    find: ({ project }) =>
      known(project).functions.flatMap(({ name, policy }) => {
        const needsMs = attemptsMs(policy), { maxAgeMs, retry: { attempts } } = policy;
        if (maxAgeMs === undefined || needsMs <= maxAgeMs) return [];
        return [{
          what: `${name}: its ${attempts} attempts may take ${span(needsMs)}, and its maxAge is ${span(maxAgeMs)}`,
        }];
      }),
  },
  {
    id: "age-within-stream",
    holds: "a function's maxAge is shorter than the max_age of its stream",
    why: "The stream removes an event before it is too old for the function, so there is no dead letter `expired`.",
    fix: "a longer `maxAge` of the stream, or a shorter `maxAge` of the function",
    find: eachStream(({ name, policy: { maxAgeMs } }, stream, keptMs) => {
      if (maxAgeMs === undefined || maxAgeMs < keptMs) return undefined;
      return `${name} accepts events of up to ${span(maxAgeMs)}, and the stream ${stream} keeps them for ${
        span(keptMs)
      }`;
    }),
  },
  {
    id: "unpublished-events",
    severity: "info",
    holds: "every event that a function listens to is emitted by a function, or has `ingress`",
    why: "The function never runs, unless another project or another NATS client publishes the event.",
    fix: "`ingress: {}` in the event, or `emits` in a function; nothing if another client publishes it",
    find: ({ project }) => {
      const { functions, events, foreignStreams = [] } = known(project);
      const sources = [
        ...[...events.values()].filter(({ ingress }) => ingress).map(({ type }) => type),
        ...functions.flatMap(({ emits }) => emits.map(({ type }) => type)),
      ];
      return functions.flatMap(({ name, triggers }) =>
        triggers.filter(({ pattern, stream, schedule }) =>
          !schedule && !foreignStreams.includes(stream) && !sources.some((type) => overlaps(type, pattern))
        ).map(({ pattern }) => ({
          what: `${name} listens to "${pattern}", which no function emits and no event with ingress matches`,
        }))
      );
    },
  },
]);

/** Returns a `find` that checks each function with each of its streams that has an age limit. */
function eachStream(
  check: (fn: ResolvedFunction, stream: string, maxAgeMs: number) => string | undefined,
): Rule["find"] {
  return ({ project, streams, foreign, names }) =>
    known(project).functions.flatMap((fn) =>
      [...new Set(fn.triggers.map(({ stream }) => stream))].flatMap((stream) => {
        const maxAgeMs = streamMaxAgeMs({ project: known(project), streams, foreign, names }, stream);
        const what = maxAgeMs === undefined ? undefined : check(fn, stream, maxAgeMs);
        return what === undefined ? [] : [{ what }];
      })
    );
}

/**
 * Returns how long a stream keeps events; undefined if it keeps them for ever. A declared age counts more than the
 * current one, since the next start applies it.
 */
function streamMaxAgeMs(
  { project, streams, foreign, names }: Pick<Facts, "streams" | "foreign" | "names"> & { readonly project: Registry },
  name: string,
): number | undefined {
  const declaredMs = project.streams.find((stream) => stream.name === name)?.maxAgeMs;
  const existing = ("value" in streams ? streams.value.get(names.stream(name)) : undefined) ??
    ("value" in foreign ? foreign.value.streams.get(name) : undefined);

  const maxAgeMs = declaredMs ?? (existing ? existing.config.max_age : NEW_STREAM.max_age) / 1e6;
  return maxAgeMs === 0 ? undefined : maxAgeMs;
}

/** Number of attempts whose delay is computed one by one. Every further attempt has the longest delay. */
const MAX_DELAYS = 10_000;

/** Returns the longest time from the first delivery to the start of the last attempt. */
function attemptsMs({ retry, timeoutMs }: FunctionPolicy): number {
  return sum(retry.attempts - 1, (n) => timeoutMs + backoffMs({ ...retry, jitter: "none" }, n, 1));
}

/**
 * Returns the part of that time in which the event is in its own stream. During a longer delay it is in RETRIES, so
 * those delays do not count. With full jitter every delay may be short, so all count.
 */
function attemptsInStreamMs({ retry, timeoutMs }: FunctionPolicy): number {
  let delayed = false;
  return sum(retry.attempts - 1, (n) => {
    if (delayed) return 0;
    const delayMs = backoffMs({ ...retry, jitter: "none" }, n, 1);
    delayed = delayMs >= RETRY_STREAM_MIN_DELAY_MS && retry.jitter !== "full";
    return timeoutMs + (delayed ? 0 : Math.min(delayMs, RETRY_STREAM_MIN_DELAY_MS));
  });
}

function sum(count: number, of: (n: number) => number): number {
  let total = 0;
  for (let n = 1; n <= Math.min(count, MAX_DELAYS); n++) total += of(n);
  return count > MAX_DELAYS ? total + (count - MAX_DELAYS) * of(MAX_DELAYS) : total;
}
