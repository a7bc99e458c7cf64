import { z } from "zod";
import { oneOf, StartupProblems } from "../project/startup_problems.ts";
import type { ApiKey } from "../http/api_keys.ts";
import { otelProblems } from "./otel_environment.ts";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import { subjectProblem } from "../core/subjects.ts";
import { LOG_LEVELS } from "../telemetry/otel/logs/logger.ts";

/** Reads the environment, and files named by it. */
interface Environment {
  get(name: string): string | undefined;
  readFile(path: string): string;
}

/** The process's own environment. */
export const ENVIRONMENT: Environment = {
  get: (name) => Deno.env.get(name),
  readFile: (path) => Deno.readTextFileSync(path),
};

/** Variables whose value is never shown, and which may be given as `NAME_FILE` instead. */
const SECRETS = ["NATS_CREDS", "NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "NATS_URL", "WEIR_API_KEYS"];
/** Hosts that nobody else can reach. */
export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

const port = z.string().regex(/^\d{1,5}$/, "a port: 0 to 65535").transform(Number)
  .refine((value) => value <= 65_535, "a port: 0 to 65535");
const list = z.string().transform((text) => text.split(",").map((item) => item.trim()).filter((item) => item !== ""));
const some = list.refine((items) => items.length > 0, "at least one name");
const servers = list.refine(
  (urls) => urls.length > 0 && urls.every((url) => isServer(url)),
  "one or more URLs such as nats://host:4222, with commas between",
);
function isServer(url: string): boolean {
  return /^((nats|tls):\/\/)?[^\s/]+\/?$/.test(url) && URL.canParse(url.includes("://") ? url : `nats://${url}`);
}
const duration = z.string().transform((text, ctx) => {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined) return ms;
  ctx.addIssue({ code: "custom", message: DURATION_HELP });
  return z.NEVER;
});
const apiKeys = some.transform((items, ctx) =>
  items.map((item): ApiKey => {
    const [name, secret, pattern = ">", ...rest] = item.split(":");
    if (!name || !secret || rest.length > 0 || subjectProblem(pattern)) {
      ctx.addIssue({ code: "custom", message: "name:secret or name:secret:type-pattern, with commas between" });
    }
    return { name, secret, pattern };
  })
);
const roles = list.refine(
  (given) => given.length > 0 && given.every((role) => role === "ingress" || role === "functions"),
  "ingress, functions, or both with a comma between",
);

const WORKERS = "a whole number from 1 to 256, or auto for one per core";
const workers = z.string().transform((text) => text === "auto" ? navigator.hardwareConcurrency : Number(text))
  .refine((count) => Number.isInteger(count) && count >= 1 && count <= 256, WORKERS)
  .refine((count) => count === 1 || Deno.build.os === "linux", "1: only Linux shares a port between processes");

/** What `NATS_URL` is where nobody has set it: this very object, by which that can be told. */
export const UNSET_NATS_URL: string[] = ["nats://127.0.0.1:4222"];

const schema = z.object({
  NATS_URL: servers.default(() => UNSET_NATS_URL),
  NATS_CREDS: z.string().optional(),
  NATS_TOKEN: z.string().optional(),
  NATS_USER: z.string().optional(),
  NATS_PASSWORD: z.string().optional(),
  NATS_TLS_CA: z.string().optional(),
  NATS_TLS_CERT: z.string().optional(),
  NATS_TLS_KEY: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().default("weir"),
  HOST: z.string().default("0.0.0.0"),
  PORT: port.default(8000),
  ADMIN_HOST: z.string().default("127.0.0.1"),
  ADMIN_PORT: port.default(9090),
  WEIR_API_KEYS: apiKeys.optional(),
  WEIR_AUTH: z.enum(["none"], "none, or leave it out").optional(),
  WEIR_FUNCTIONS: some.optional(),
  WEIR_ROLES: roles.default(["ingress", "functions"]),
  WEIR_WORKERS: workers.default(1),
  WEIR_REPLICAS: z.enum(["1", "3", "5"], "1, 3 or 5").transform(Number).optional(),
  SHUTDOWN_GRACE: duration.default(25_000),
  LOG_LEVEL: z.enum(LOG_LEVELS, oneOf(LOG_LEVELS)).default("info"),
  LOG_FORMAT: z.enum(["json", "pretty"], oneOf(["json", "pretty"])).default("json"),
});

/** The names of all variables that are read here. */
export const VARIABLES: readonly string[] = Object.keys(schema.shape);

/** Everything that the environment settles. Field names are those of the variables. */
export type Config = z.output<typeof schema>;

/**
 * Reads the configuration from the environment. An empty variable counts as absent.
 *
 * @throws {StartupProblems} naming every variable that is wrong: what was given (secrets hidden) and what is wanted.
 */
export function readConfig(environment: Environment = ENVIRONMENT): Config {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = readVariable(environment, name, problems);
    if (value !== undefined) given[name] = value;
  }
  const result = schema.safeParse(given);
  if (!result.success) {
    for (const name of new Set(result.error.issues.map(({ path }) => String(path[0])))) {
      const wanted = result.error.issues.find(({ path }) => path[0] === name)!.message;
      const shown = SECRETS.includes(name) ? "a value that is hidden here" : JSON.stringify(given[name]);
      problems.push(`${name} is ${shown}; wanted: ${wanted}`);
    }
  }
  problems.push(...contradictions(environment), ...otelProblems((name) => environment.get(name)));
  if (problems.length > 0 || !result.success) throw new StartupProblems(problems);
  return result.data;
}

/**
 * What keeps this configuration from being safe to listen with: beyond loopback, whoever reaches the port could
 * publish.
 */
export function authProblem(config: Config): string | undefined {
  if (config.WEIR_API_KEYS || config.WEIR_AUTH === "none" || LOOPBACK.test(config.HOST)) return undefined;
  if (!config.WEIR_ROLES.includes("ingress")) return undefined;
  return `WEIR_API_KEYS is not set and HOST is "${config.HOST}": anybody who reaches it could publish. ` +
    `Set WEIR_API_KEYS=name:secret, or HOST=127.0.0.1, or WEIR_AUTH=none on purpose`;
}

function contradictions(environment: Environment): string[] {
  const problems: string[] = [];
  const isSet = (name: string) =>
    Boolean(environment.get(name) || SECRETS.includes(name) && environment.get(`${name}_FILE`));
  const together = (a: keyof Config, b: keyof Config) => {
    if (isSet(a) && !isSet(b)) problems.push(`${a} is set, and needs ${b} with it`);
  };
  together("NATS_USER", "NATS_PASSWORD");
  together("NATS_PASSWORD", "NATS_USER");
  together("NATS_TLS_CERT", "NATS_TLS_KEY");
  together("NATS_TLS_KEY", "NATS_TLS_CERT");
  if (environment.get("WEIR_AUTH") === "none" && isSet("WEIR_API_KEYS")) {
    problems.push("WEIR_AUTH is none and WEIR_API_KEYS is set: leave one of them out");
  }
  return problems;
}

function readVariable(environment: Environment, name: string, problems: string[]): string | undefined {
  const value = environment.get(name) || undefined;
  const path = environment.get(`${name}_FILE`);
  if (name === "NATS_CREDS" && value && !value.includes("BEGIN NATS")) {
    return readFile(environment, name, value, problems); // a path, as the tools of NATS take it
  }
  if (!SECRETS.includes(name) || !path) return value;
  if (value !== undefined) {
    problems.push(`${name} and ${name}_FILE are both set: leave one of them out`);
    return undefined;
  }
  return readFile(environment, `${name}_FILE`, path, problems);
}

function readFile(environment: Environment, name: string, path: string, problems: string[]): string | undefined {
  try {
    return environment.readFile(path).trim() || undefined;
  } catch (error) {
    problems.push(
      name === "NATS_CREDS" // it may be the secret itself, where a path belongs
        ? `NATS_CREDS is neither the text of a credentials file nor the path of one that can be read`
        : `${name} is ${JSON.stringify(path)}, which cannot be read: ${(error as Error).message}`,
    );
    return undefined;
  }
}
