import { z } from "zod";
import { CHECKED_ONCE } from "../project/option_schemas.ts";
import { oneOf, StartupProblems } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import { apiKeys, HEADER_TEXT } from "./api_key_list.ts";
import { otelProblems } from "./otel_environment.ts";
import { Namespace, namespaceProblem } from "../core/namespace.ts";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import type { SecretFiles } from "../nats/client/nats_options.ts";
import { filesOf, isCredsPath, list, NATS_VARIABLES } from "./nats_variables.ts";
import { LOG_LEVELS } from "../telemetry/otel/logs/logger.ts";
import { type Environment, readFileText, readVariable, type VariableText } from "./variable_text.ts";

/** Texts of files, by path. Several parts of Weir read a file, and a pipe can be read only once. */
const texts = new Map<string, string>();

export const ENVIRONMENT: Environment = {
  get: (name) => Deno.env.get(name),
  readFile: (path) => texts.getOrInsertComputed(path, () => Deno.readTextFileSync(path)),
};

/** The environment with its files as they are now. A pipe keeps the text that was read from it first. */
export const CURRENT_ENVIRONMENT: Environment = {
  get: ENVIRONMENT.get,
  readFile: (path) => Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : ENVIRONMENT.readFile(path),
};

/** Variables whose value appears in no message, and which may be given as `NAME_FILE` instead. */
const SECRETS = [
  "NATS_CREDS",
  "NATS_TOKEN",
  "NATS_USER",
  "NATS_PASSWORD",
  "NATS_NKEY",
  "NATS_URL",
  "WEIR_API_KEYS",
  "WEIR_ADMIN_KEY",
];
/** Hosts that only this machine can reach. */
export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

const port = z.string().regex(/^\d{1,5}$/, "a port: 0 to 65535").transform(Number)
  .refine((value) => value <= 65_535, "a port: 0 to 65535");
const nonEmptyList = list.refine((items) => items.length > 0, "at least one name");
const duration = z.string().transform((text, ctx) => {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined) return ms;
  ctx.addIssue({ code: "custom", message: DURATION_HELP });
  return z.NEVER;
});
const roles = list.refine(
  (names) => names.length > 0 && names.every((role) => role === "ingress" || role === "functions"),
  "ingress, functions, or both with a comma between",
);

const ORIGINS = "origins such as https://shop.example with commas between, or * alone";
const origins = list.refine((items) => items.length > 0 && (items.join() === "*" || items.every(isOrigin)), ORIGINS);

const namespace = z.string().superRefine((name, ctx) => {
  const problem = namespaceProblem(name);
  if (problem) ctx.addIssue(problem);
});

const traceUrl = z.string().regex(/^https?:\/\/\S*\{traceId\}\S*$/, "an http or https URL with {traceId} in it");

const WORKERS = "a whole number from 1 to 256, or auto for one per core";
const workers = z.string().transform((text) => text === "auto" ? navigator.hardwareConcurrency : Number(text))
  .refine((count) => Number.isInteger(count) && count >= 1 && count <= 256, WORKERS)
  .refine((count) => count === 1 || Deno.build.os === "linux", "1: only Linux shares a port between processes");

const schema = z.object({
  ...NATS_VARIABLES,
  OTEL_SERVICE_NAME: z.string().default("weir"),
  HOST: z.string().default("0.0.0.0"),
  PORT: port.default(8000),
  ADMIN_HOST: z.string().default("127.0.0.1"),
  ADMIN_PORT: port.default(9090),
  WEIR_API_KEYS: apiKeys.optional(),
  WEIR_ADMIN_KEY: z.string().regex(HEADER_TEXT, "visible ASCII characters without spaces").optional(),
  WEIR_CONSOLE: z.enum(["on", "read-only", "off"], oneOf(["on", "read-only", "off"])).default("on"),
  WEIR_TRACE_URL: traceUrl.optional(),
  WEIR_JWT_KEYS_URL: z.url({ protocol: /^https?$/ }).optional(),
  WEIR_JWT_ISSUER: z.string().optional(),
  WEIR_JWT_AUDIENCE: z.string().optional(),
  CORS_ORIGINS: origins.optional(),
  WEIR_AUTH: z.enum(["none"], "none, or leave it out").optional(),
  WEIR_NAMESPACE: namespace.optional(),
  WEIR_FUNCTIONS: nonEmptyList.optional(),
  WEIR_ROLES: roles.default(["ingress", "functions"]),
  WEIR_WORKERS: workers.default(1),
  WEIR_REPLICAS: z.enum(["1", "3", "5"], "1, 3 or 5").transform(Number).optional(),
  SHUTDOWN_GRACE: duration.default(25_000),
  WEIR_UNCAUGHT: z.enum(["log", "exit"], oneOf(["log", "exit"])).default("log"),
  LOG_LEVEL: z.enum(LOG_LEVELS, oneOf(LOG_LEVELS)).default("info"),
  LOG_FORMAT: z.enum(["json", "pretty"], oneOf(["json", "pretty"])).default("json"),
});

export const VARIABLES: readonly string[] = Object.keys(schema.shape);

/** Configuration of a process. Its fields are named as the variables are. */
export type Config = z.output<typeof schema> & {
  /** Paths of the files that secrets of NATS were read from. @default none */
  readonly files?: SecretFiles;
};

/**
 * Reads the configuration from the environment. An empty variable counts as absent.
 *
 * @throws {StartupProblems} naming every wrong variable, the wanted value, and the given one unless it is a secret
 */
export function readConfig(environment: Environment = ENVIRONMENT): Config {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const { text, problem } = readWeirVariable(environment, name);
    if (problem !== undefined) problems.push(problem);
    if (text !== undefined) given[name] = text;
  }
  const result = schema.safeParse(given, CHECKED_ONCE);
  if (!result.success) {
    for (const name of new Set(result.error.issues.map(({ path }) => String(path[0])))) {
      const messages = result.error.issues.filter(({ path }) => path[0] === name).map(({ message }) => message);
      const wanted = [...new Set(messages)].join("; ");
      const value = SECRETS.includes(name) ? "a secret that is not shown" : JSON.stringify(given[name]);
      problems.push(`${name} is ${value}; wanted: ${wanted}`);
    }
  }
  problems.push(
    ...contradictions(environment),
    ...otelProblems((name) => environment.get(name), (path) => environment.readFile(path)),
  );
  if (problems.length > 0 || !result.success) throw new StartupProblems(problems);
  const files = filesOf(environment);
  return { ...result.data, ...(Object.keys(files).length > 0 && { files }) };
}

/** Returns `WEIR_FUNCTIONS` as {@linkcode readConfig} reads it, also if other variables are wrong. */
export function readFunctionNames(environment: Environment = ENVIRONMENT): Config["WEIR_FUNCTIONS"] {
  return schema.shape.WEIR_FUNCTIONS.safeParse(readWeirVariable(environment, "WEIR_FUNCTIONS").text).data;
}

/** Returns whether a text is an origin as browsers send it. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** The parts of a project that decide its names in NATS. */
export type NamedProject = Partial<Pick<Registry, "project" | "foreignStreams" | "events" | "functions">>;

/**
 * Returns the names that a project has in NATS. The names of streams that Weir does not own stay as they are.
 *
 * @param project Default: a project without a name, and without streams of other owners.
 */
export function namespaceOf({ WEIR_NAMESPACE }: Config, project: NamedProject = {}): Namespace {
  const { project: name, foreignStreams: streams = [], events, functions = [] } = project;
  const triggers = functions.flatMap(({ triggers }) => triggers).filter(({ stream }) => streams.includes(stream));
  const types = [...events?.values() ?? []].filter(({ stream }) => stream !== undefined).map(({ type }) => type);
  return new Namespace(WEIR_NAMESPACE, name, {
    streams: new Set(streams),
    subjects: new Set([...types, ...triggers.map(({ pattern }) => pattern)]),
  });
}

/**
 * Returns why the ingress must not listen. Beyond loopback it needs API keys, keys of tokens, or `WEIR_AUTH=none`. A
 * process without the ingress needs none.
 */
export function authProblem(config: Config): string | undefined {
  if (config.WEIR_API_KEYS || config.WEIR_JWT_KEYS_URL || config.WEIR_AUTH === "none" || LOOPBACK.test(config.HOST)) {
    return undefined;
  }
  if (!config.WEIR_ROLES.includes("ingress")) return undefined;
  return `WEIR_API_KEYS is not set and HOST is "${config.HOST}": any client that reaches it could publish. ` +
    `Set WEIR_API_KEYS=name:secret, or WEIR_JWT_KEYS_URL, or HOST=127.0.0.1, or WEIR_AUTH=none on purpose`;
}

/** Returns the problems of variables that are correct alone and wrong together, one line each. */
function contradictions(environment: Environment): string[] {
  const problems: string[] = [];
  const isSet = (name: string) =>
    Boolean(environment.get(name) || SECRETS.includes(name) && environment.get(`${name}_FILE`));
  const requires = (a: keyof Config, b: keyof Config) => {
    if (isSet(a) && !isSet(b)) problems.push(`${a} is set without ${b}: set both`);
  };
  const excludes = (a: keyof Config, b: keyof Config) => {
    if (isSet(a) && isSet(b)) problems.push(`${a} and ${b} are both set: set only one of them`);
  };
  requires("NATS_USER", "NATS_PASSWORD");
  requires("NATS_PASSWORD", "NATS_USER");
  excludes("NATS_JS_DOMAIN", "NATS_JS_API_PREFIX");
  excludes("NATS_CREDS", "NATS_NKEY");
  requires("NATS_TLS_CERT", "NATS_TLS_KEY");
  requires("NATS_TLS_KEY", "NATS_TLS_CERT");
  for (const name of ["NATS_TLS_CA", "NATS_TLS_CERT", "NATS_TLS_KEY"]) {
    try {
      if (environment.get(name)) readFileText(environment, environment.get(name)!);
    } catch (error) {
      problems.push(`${name}: ${environment.get(name)} cannot be read: ${(error as Error).message}`);
    }
  }
  for (const name of ["WEIR_JWT_ISSUER", "WEIR_JWT_AUDIENCE"] as const) {
    requires("WEIR_JWT_KEYS_URL", name);
    requires(name, "WEIR_JWT_KEYS_URL");
  }
  for (const [name, what] of [["WEIR_API_KEYS", "keys"], ["WEIR_ADMIN_KEY", "key"]]) {
    if (environment.get(`${name}_FILE`) !== "" || environment.get(name)) continue;
    problems.push(`${name}_FILE is "", which names no file: set it, or remove it to have no ${what}`);
  }
  for (const name of ["WEIR_API_KEYS", "WEIR_JWT_KEYS_URL"] as const) {
    if (environment.get("WEIR_AUTH") !== "none" || !isSet(name)) continue;
    problems.push(`WEIR_AUTH is none and ${name} is set: set only one of them`);
  }
  return problems;
}

/** Reads a variable. `NATS_CREDS` may itself be the path of a credentials file, as for NATS's own tools. */
function readWeirVariable(environment: Environment, name: string): VariableText {
  const value = environment.get(name) || undefined;
  if (!isCredsPath(name, value)) return readVariable(environment, name, SECRETS.includes(name));
  try {
    return { text: readFileText(environment, value!) || undefined };
  } catch { // the value is not shown: it may be a secret that was given instead of a path
    return { problem: "NATS_CREDS is neither the text of a credentials file nor the path of one that can be read" };
  }
}
