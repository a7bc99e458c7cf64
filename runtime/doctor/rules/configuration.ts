import { authProblem, LOOPBACK } from "../../app/config.ts";
import { formatDuration } from "../../core/duration.ts";
import { known } from "../facts.ts";
import { nearest } from "../../core/did_you_mean.ts";
import type { Rule } from "../rule.ts";
import { KNOWN_VARIABLES, SERVICE_LINK } from "../variables.ts";

const SHORTEST_SECRET = 16;

/** What the environment says, without a look at anything else. */
export const CONFIGURATION: readonly Rule[] = [
  {
    id: "configuration",
    area: "configuration",
    holds: "the environment is a configuration that `start` takes",
    why: "`start` exits with 1 on it",
    fix: "set the variable as the finding says",
    find: ({ configProblems }) =>
      configProblems.map((what) => ({ severity: "error", what, fix: `correct ${what.split(" ", 1)[0]}` })),
  },
  {
    id: "api-keys",
    area: "configuration",
    holds: "not everybody may publish who reaches the public listener",
    why: "whoever reaches the port could publish events of every type that is open to the outside",
    fix: "`WEIR_API_KEYS=name:secret`, or `HOST=127.0.0.1`",
    find: ({ config, dev }) => {
      const given = known(config);
      const fix = "WEIR_API_KEYS=shop:$(openssl rand -hex 24)";
      if (given.WEIR_AUTH === "none" && given.WEIR_ROLES.includes("ingress") && !LOOPBACK.test(given.HOST)) {
        return [{
          severity: "warning",
          what: `WEIR_AUTH is none and HOST is "${given.HOST}": no key is asked for`,
          fix,
        }];
      }
      const what = authProblem(given)?.replace(/\. Set .*$/, "");
      if (what === undefined) return [];
      if (!dev) return [{ severity: "error", what, fix }];
      return [{
        severity: "info",
        what: `WEIR_API_KEYS is not set: \`dev\` listens on loopback, \`start\` wants it`,
        fix,
      }];
    },
  },
  {
    id: "key-length",
    area: "configuration",
    holds: "the secrets of API keys are long enough not to be guessed",
    why: "the listener does not count failed attempts, so a short secret can be found by trying",
    fix: "`openssl rand -hex 24` makes one",
    find: ({ config }) =>
      (known(config).WEIR_API_KEYS ?? []).filter(({ secret }) => secret.length < SHORTEST_SECRET).map((
        { name, secret },
      ) => ({
        severity: "warning",
        what: `the secret of the API key "${name}" has ${secret.length} characters; ${SHORTEST_SECRET} or more is safe`,
        fix: `WEIR_API_KEYS=${name}:$(openssl rand -hex 24)`,
      })),
  },
  {
    id: "variable-names",
    area: "configuration",
    holds: "no variable of the environment looks like a misspelt one",
    why: "a variable that nobody reads changes nothing, and nothing else would tell",
    fix: "rename it, or remove it",
    find: ({ variables }) =>
      variables.filter((name) => !KNOWN_VARIABLES.includes(name) && !SERVICE_LINK.test(name)).flatMap((name) => {
        const meant = nearest(name, KNOWN_VARIABLES.filter((one) => one.length >= 8 && one !== name), 2);
        if (meant === undefined && !name.startsWith("WEIR_")) return [];
        const names = KNOWN_VARIABLES.filter((one) => one.startsWith("WEIR_") && !one.endsWith("_FILE")).join(", ");
        return [{
          severity: "warning",
          what: `${name} is set, and nothing reads it${meant ? `: is ${meant} meant?` : ""}`,
          fix: meant ? `rename ${name} to ${meant}` : `remove ${name}; there are ${names}`,
        }];
      }),
  },
  {
    id: "selected-functions",
    area: "configuration",
    holds: "WEIR_FUNCTIONS names functions that there are",
    why: "`start` exits with 1 on a name that is none",
    fix: "correct the name",
    find: ({ config, project }) => {
      const { functions } = known(project), names = functions.map(({ name }) => name);
      return (known(config).WEIR_FUNCTIONS ?? []).filter((name) => !names.includes(name)).map((name) => ({
        severity: "error",
        what: `WEIR_FUNCTIONS names "${name}", and there is no functions/${name}.ts`,
        fix: `WEIR_FUNCTIONS=${nearest(name, names, 3) ?? names.join(",")}`,
      }));
    },
  },
  {
    id: "shutdown-grace",
    area: "configuration",
    holds: "SHUTDOWN_GRACE is as long as the longest timeout of a function",
    why: "a handler that still runs at its end is given back: it uses up no attempt, and begins anew elsewhere",
    fix: "raise `SHUTDOWN_GRACE`, and with it Kubernetes' `terminationGracePeriodSeconds` to 15 seconds more",
    find: ({ config, project }) => {
      const graceMs = known(config).SHUTDOWN_GRACE;
      const longest = known(project).functions.filter(({ policy }) => policy.timeoutMs > graceMs)
        .sort((a, b) => b.policy.timeoutMs - a.policy.timeoutMs);
      if (longest.length === 0) return [];
      const [{ name, policy: { timeoutMs } }] = longest;
      const more = longest.length === 1 ? "" : ` (${longest.length} functions have a longer one)`;
      const pod = Math.ceil(timeoutMs / 1_000) + 15;
      return [{
        severity: "info",
        what: `SHUTDOWN_GRACE is ${formatDuration(graceMs)}; ${name} has a timeout of ${
          formatDuration(timeoutMs)
        }${more}`,
        fix: `SHUTDOWN_GRACE=${formatDuration(timeoutMs)} (in Kubernetes: terminationGracePeriodSeconds: ${pod})`,
      }];
    },
  },
  {
    id: "collector",
    area: "configuration",
    holds: "where telemetry is sent to, something answers",
    why: "spans, metrics and logs are dropped after a while where nobody takes them",
    fix: "correct the endpoint; OTLP over HTTP is port 4318 as a rule, and 4317 is gRPC, which Weir does not speak",
    find: ({ collectors }) =>
      collectors.filter(({ problem }) => problem !== undefined).map(({ variable, url, problem }) => ({
        severity: "warning",
        what: `${variable} is ${url}, where nothing answers by HTTP: ${problem}`,
        fix: URL.parse(url)?.port === "4317" ? `${variable}=${url.replace("4317", "4318")}` : `correct ${variable}`,
      })),
  },
];
