import { overlaps } from "../../core/subjects.ts";
import { roomy, span } from "../format.ts";
import { known } from "../facts.ts";
import { horizonMs, inStreamMs } from "../retry_horizon.ts";
import type { Rule } from "../rule.ts";
import { keptMs } from "../streams.ts";

/** What `functions/` and `schemas/` say. */
export const PROJECT_RULES: readonly Rule[] = [
  {
    id: "project",
    area: "project",
    holds: "every file of schemas/ and functions/ can be loaded, and is right",
    why: "`start` exits with 1 on it",
    fix: "correct the file that is named",
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
    area: "project",
    holds: "an event is kept for longer than its retries may take in its stream",
    why: "an event that is removed while it waits for its next attempt is gone, without a dead letter; " +
      "a wait of five seconds or more is spent in RETRIES, where no age limit is",
    fix: "a longer `maxAge` of the stream, or fewer attempts, a shorter timeout",
    find: ({ project, streams }) =>
      known(project).functions.flatMap(({ name, triggers, policy }) =>
        [...new Set(triggers.map(({ stream }) => stream))].flatMap((stream) => {
          const kept = keptMs(known(project), streams, stream), needs = inStreamMs(policy);
          if (kept === undefined || needs < kept) return [];
          return [{
            severity: "error",
            what: `${name}: ${policy.retry.attempts} attempts with a timeout of ${span(policy.timeoutMs)} ` +
              `may take ${span(needs)} in the stream ${stream}, which keeps events for ${span(kept)}`,
            fix: `defineStream({ name: "${stream}", maxAge: "${roomy(needs)}" }) in schemas/, ` +
              `or a shorter \`timeout\` in functions/${name}.ts`,
          }];
        })
      ),
  },
  {
    id: "function-age",
    area: "project",
    holds: "a function's maxAge leaves time for its retries",
    why: "an attempt that would begin later than that does not: the event ends as `expired`, with attempts left",
    fix: "a longer `maxAge` of the function, or fewer or quicker attempts",
    find: ({ project }) =>
      known(project).functions.flatMap(({ name, policy }) => {
        const needs = horizonMs(policy);
        if (policy.maxAgeMs === undefined || needs <= policy.maxAgeMs) return [];
        return [{
          severity: "warning",
          what: `${name}: its ${policy.retry.attempts} attempts may take ${span(needs)}, ` +
            `and its maxAge is ${span(policy.maxAgeMs)}`,
          fix: `maxAge: "${span(needs)}" in functions/${name}.ts, or fewer attempts`,
        }];
      }),
  },
  {
    id: "age-within-stream",
    area: "project",
    holds: "a function's maxAge is shorter than its stream keeps events",
    why: "its stream removes an event before it is too old for the function: it ends without the dead letter `expired`",
    fix: "a longer `maxAge` of the stream, or a shorter one of the function",
    find: ({ project, streams }) =>
      known(project).functions.flatMap(({ name, triggers, policy: { maxAgeMs } }) =>
        [...new Set(triggers.map(({ stream }) => stream))].flatMap((stream) => {
          const kept = keptMs(known(project), streams, stream);
          if (maxAgeMs === undefined || kept === undefined || maxAgeMs < kept) return [];
          return [{
            severity: "warning",
            what: `${name} takes events of up to ${span(maxAgeMs)}, and the stream ${stream} keeps them for ` +
              `${span(kept)}`,
            fix: `defineStream({ name: "${stream}", maxAge: "${roomy(maxAgeMs)}" }) in schemas/`,
          }];
        })
      ),
  },
  {
    id: "unpublished-events",
    area: "project",
    holds: "every event that a function waits for is emitted or may be published here",
    why: "it never runs, unless another project or a plain publisher sends what it waits for",
    fix: "`ingress: {}` in the event, or `emits` in a function; nothing, where others publish it",
    find: ({ project }) => {
      const { functions, events } = known(project);
      const sources = [
        ...[...events.values()].filter(({ ingress }) => ingress).map(({ type }) => type),
        ...functions.flatMap(({ emits }) => emits.map(({ type }) => type)),
      ];
      return functions.flatMap(({ name, triggers }) =>
        triggers.filter(({ pattern }) => !sources.some((type) => overlaps(type, pattern))).map(({ pattern }) => ({
          severity: "info",
          what: `${name} waits for "${pattern}", which nothing here emits or may publish by HTTP`,
          fix: `ingress: {} in the event, or emits: […] in the function that causes it; else nothing`,
        }))
      );
    },
  },
];
