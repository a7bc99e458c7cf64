import { authProblem, LOOPBACK } from "../../app/config.ts";
import { memoryProblem } from "../../app/memory_limit.ts";
import { ownVariableNames } from "../../app/own_config.ts";
import { variableWarnings } from "../../app/warnings.ts";
import { nearest } from "../../core/did_you_mean.ts";
import { formatDuration } from "../../core/duration.ts";
import { known } from "../facts.ts";
import { type Rule, rulesOf } from "../rule.ts";

/** Characters of an API key's secret that are too many to guess. */
const MIN_SECRET = 16;

export const CONFIGURATION: readonly Rule[] = rulesOf("configuration", [
  {
    id: "configuration",
    severity: "error",
    holds: "`start` accepts the environment variables",
    why: "`start` exits with 1.",
    fix: "set the variable as the finding says",
    find: ({ configProblems }) => configProblems.map((what) => ({ what })),
  },
  {
    id: "api-keys",
    severity: "error",
    holds: "the public listener asks for an API key, or listens on loopback only",
    why: "Any client that reaches the port can publish every event that has `ingress`.",
    fix: "`WEIR_API_KEYS=shop:$(openssl rand -hex 24)`, or `HOST=127.0.0.1`",
    find: ({ config, dev }) => {
      const given = known(config), what = authProblem(given)?.replace(/\. Set .*$/, "");
      if (given.WEIR_AUTH === "none" && given.WEIR_ROLES.includes("ingress") && !LOOPBACK.test(given.HOST)) {
        const what = `WEIR_AUTH is none and HOST is "${given.HOST}": the listener asks for no API key`;
        return [{ severity: "warning", what }];
      }
      if (what === undefined) return [];
      if (!dev) return [{ what }];
      const onlyStart = "WEIR_API_KEYS is not set: `dev` listens on loopback, but `start` needs it";
      return [{ severity: "info", what: onlyStart }];
    },
  },
  {
    id: "key-length",
    holds: `the secret of every API key has ${MIN_SECRET} characters or more`,
    why: "The listener does not limit failed attempts. A short secret can be found by trying.",
    fix: "`openssl rand -hex 24` makes a secret",
    find: ({ config }) =>
      (known(config).WEIR_API_KEYS ?? []).filter(({ secret }) => secret.length < MIN_SECRET)
        .map(({ name, secret }) => ({ what: `the secret of the API key "${name}" has ${secret.length} characters` })),
  },
  {
    id: "variable-names",
    holds: "no environment variable looks like a misspelt one of Weir, OpenTelemetry or the project",
    why: "A misspelt variable has no effect.",
    fix: "rename or remove the variable",
    find: ({ variables, project }) => {
      const own = "value" in project ? ownVariableNames(project.value) : [];
      return variableWarnings(variables, own).map((what) => ({ what }));
    },
  },
  {
    id: "selected-functions",
    severity: "error",
    holds: "every name in WEIR_FUNCTIONS is that of a function",
    why: "`start` exits with 1 on an unknown name.",
    fix: "correct the name",
    find: ({ config, project }) => {
      const names = known(project).functions.map(({ name }) => name);
      return (known(config).WEIR_FUNCTIONS ?? []).filter((name) => !names.includes(name)).map((name) => ({
        what: `WEIR_FUNCTIONS names "${name}", and no function has this name`,
        fix: `WEIR_FUNCTIONS=${nearest(name, names, 3) ?? names.join(",")}`,
      }));
    },
  },
  {
    id: "shutdown-grace",
    severity: "info",
    holds: "SHUTDOWN_GRACE is as long as the longest timeout of a function",
    why: "A handler that still runs at the end of the grace is stopped. Its event is redelivered to another replica " +
      "and starts over, without using an attempt.",
    fix: "raise `SHUTDOWN_GRACE`, and set Kubernetes' `terminationGracePeriodSeconds` to 15 seconds more",
    find: ({ config, project }) => {
      const graceMs = known(config).SHUTDOWN_GRACE;
      const longer = known(project).functions.filter(({ policy }) => policy.timeoutMs > graceMs);
      if (longer.length === 0) return [];
      const list = longer.map(({ name, policy }) => `${name} has a timeout of ${formatDuration(policy.timeoutMs)}`);
      return [{ what: `SHUTDOWN_GRACE is ${formatDuration(graceMs)}; ${list.join(", ")}` }];
    },
  },
  {
    id: "memory-limit",
    severity: "error",
    holds: "the heap of a process, and its workers, fit into the memory limit",
    why: "The kernel kills the process, again and again, and events that it handles end as `crashed`.",
    fix: "`DENO_USE_CGROUPS=1`, which the image sets, or `--v8-flags=--max-old-space-size=MiB`; fewer `WEIR_WORKERS`",
    find: ({ memory, config }) => {
      const what = memoryProblem(memory, known(config).WEIR_WORKERS);
      return what ? [{ what }] : [];
    },
  },
  {
    id: "collector",
    holds: "every OTLP endpoint answers by HTTP",
    why: "Spans, metrics and logs that no collector accepts are dropped.",
    fix: "correct the endpoint; OTLP over HTTP usually has port 4318, and 4317 is gRPC, which Weir does not support",
    find: ({ collectors }) =>
      collectors.filter(({ problem }) => problem !== undefined)
        .map(({ variable, url, problem }) => ({
          what: `${variable} is ${url}, which does not answer by HTTP: ${problem}`,
        })),
  },
]);
