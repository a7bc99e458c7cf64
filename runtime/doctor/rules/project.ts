import { backoffMs } from "../../core/backoff.ts";
import { overlaps } from "../../core/subjects.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../../nats/retry/retry_stream.ts";
import { NEW_STREAM } from "../../nats/topology/plan_stream.ts";
import type { Registry } from "../../project/registry.ts";
import type { FunctionPolicy } from "../../project/resolve_policy.ts";
import { type Facts, known } from "../facts.ts";
import { recommended, span } from "../format.ts";
import { type Rule, rulesOf } from "../rule.ts";

/** Rules on `functions/` and `schemas/`. */
export const PROJECT_RULES: readonly Rule[] = rulesOf("project", [
  {
    id: "project",
    holds: "every file of schemas/ and functions/ loads and is valid",
    why: "`start` exits with 1.",
    fix: "correct the file that the finding names",
    find: ({ projectProblems, project }) => [
      ...projectProblems.map((what) => ({ severity: "error" as const, what, fix: `correct ${what.split(":", 1)[0]}` })),
      ...("value" in project ? project.value.warnings : []).map((what) => ({
        severity: "warning" as const,
        what,
        fix: `correct ${what.split(":", 1)[0]}`,
      })),
    ],
  },
  {
    id: "retry-horizon",
    holds: "a stream keeps events longer than their retries take",
    why: "The stream removes an event that waits for its next attempt: the event is lost, without a dead letter. " +
      "Retries that are delayed by five seconds or more do not count, since they wait in RETRIES, which has no age limit.",
    fix: "a longer `maxAge` of the stream, fewer attempts, or a shorter timeout",
    find: ({ project, streams }) =>
      known(project).functions.flatMap(({ name, file, triggers, policy }) =>
        [...new Set(triggers.map(({ stream }) => stream))].flatMap((stream) => {
          const maxAgeMs = streamMaxAgeMs(known(project), streams, stream), needsMs = attemptsInStreamMs(policy);
          if (maxAgeMs === undefined || needsMs < maxAgeMs) return [];
          return [{
            severity: "error",
            what: `${name}: ${policy.retry.attempts} attempts with a timeout of ${span(policy.timeoutMs)} ` +
              `may take ${span(needsMs)} in the stream ${stream}, which keeps events for ${span(maxAgeMs)}`,
            fix: `defineStream({ name: "${stream}", maxAge: "${recommended(needsMs)}" }) in schemas/, ` +
              `or a shorter \`timeout\` in ${file}`,
          }];
        })
      ),
  },
  {
    id: "function-age",
    holds: "a function's maxAge is longer than its retries take",
    why: "An event that is older than `maxAge` becomes a dead letter, `expired`, although attempts are left.",
    fix: "a longer `maxAge` of the function, fewer attempts, or shorter delays",
    find: ({ project }) =>
      known(project).functions.flatMap(({ name, file, policy }) => {
        const needsMs = attemptsMs(policy);
        if (policy.maxAgeMs === undefined || needsMs <= policy.maxAgeMs) return [];
        return [{
          severity: "warning",
          what: `${name}: its ${policy.retry.attempts} attempts may take ${span(needsMs)}, ` +
            `and its maxAge is ${span(policy.maxAgeMs)}`,
          fix: `maxAge: "${span(needsMs)}" in ${file}, or fewer attempts`,
        }];
      }),
  },
  {
    id: "age-within-stream",
    holds: "a function's maxAge is shorter than the max_age of its stream",
    why: "The stream removes an event before it is too old for the function, so there is no dead letter `expired`.",
    fix: "a longer `maxAge` of the stream, or a shorter `maxAge` of the function",
    find: ({ project, streams }) =>
      known(project).functions.flatMap(({ name, triggers, policy: { maxAgeMs } }) =>
        [...new Set(triggers.map(({ stream }) => stream))].flatMap((stream) => {
          const keptMs = streamMaxAgeMs(known(project), streams, stream);
          if (maxAgeMs === undefined || keptMs === undefined || maxAgeMs < keptMs) return [];
          return [{
            severity: "warning",
            what: `${name} accepts events of up to ${span(maxAgeMs)}, and the stream ${stream} keeps them for ` +
              `${span(keptMs)}`,
            fix: `defineStream({ name: "${stream}", maxAge: "${recommended(maxAgeMs)}" }) in schemas/`,
          }];
        })
      ),
  },
  {
    id: "unpublished-events",
    holds: "every event that a function listens to is emitted by a function, or has `ingress`",
    why: "The function never runs, unless another project or another NATS client publishes the event.",
    fix: "`ingress: {}` in the event, or `emits` in a function; nothing if another client publishes it",
    find: ({ project }) => {
      const { functions, events } = known(project);
      const sources = [
        ...[...events.values()].filter(({ ingress }) => ingress).map(({ type }) => type),
        ...functions.flatMap(({ emits }) => emits.map(({ type }) => type)),
      ];
      return functions.flatMap(({ name, triggers }) =>
        triggers.filter(({ pattern }) => !sources.some((type) => overlaps(type, pattern))).map(({ pattern }) => ({
          severity: "info",
          what: `${name} listens to "${pattern}", which no function emits and no event with ingress matches`,
          fix: `ingress: {} in the event, or emits: […] in the function that causes it; else nothing`,
        }))
      );
    },
  },
]);

/** Returns how long a stream keeps events. A declared age wins, since the next start applies it. Undefined: for ever. */
function streamMaxAgeMs(project: Registry, streams: Facts["streams"], name: string): number | undefined {
  const declaredMs = project.streams.find((stream) => stream.name === name)?.maxAgeMs;
  const existing = "value" in streams ? streams.value.get(name) : undefined;
  const maxAgeMs = declaredMs ?? (existing ? existing.config.max_age : NEW_STREAM.max_age) / 1e6;
  return maxAgeMs === 0 ? undefined : maxAgeMs;
}

/** Attempts whose delay is computed one by one. Every further one has the longest delay. */
const MAX_DELAYS = 10_000;

/** Returns the longest time from the first delivery to the start of the last attempt. */
function attemptsMs({ retry, timeoutMs }: FunctionPolicy): number {
  return sum(retry.attempts - 1, (n) => timeoutMs + backoffMs({ ...retry, jitter: "none" }, n, 1));
}

/**
 * Returns the part of that time in which the event is in its own stream. An event with a longer delay is in RETRIES. Full
 * jitter may make every delay short, so then all of them count.
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
