import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { inboxProblem } from "../../runtime/app/nats_variables.ts";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { authProblem, ENVIRONMENT, readConfig, readFunctionNames } from "../../runtime/app/config.ts";

type Variables = Record<string, string>;

/** Reads the configuration from these variables and files. */
function read(variables: Variables, files: Variables = {}) {
  return readConfig({
    get: (name) => variables[name],
    readFile: (path) => files[path] ?? assert.fail("no such file"),
  });
}

function problems(variables: Variables, files: Variables = {}): string[] {
  try {
    read(variables, files);
    return [];
  } catch (error) {
    if (error instanceof StartupProblems) return [...error.problems];
    throw error;
  }
}

const DEFAULTS = {
  NATS_URL: ["nats://127.0.0.1:4222"],
  OTEL_SERVICE_NAME: "weir",
  HOST: "0.0.0.0",
  PORT: 8000,
  ADMIN_HOST: "127.0.0.1",
  ADMIN_PORT: 9090,
  WEIR_ROLES: ["ingress", "functions"],
  WEIR_WORKERS: 1,
  SHUTDOWN_GRACE: 25_000,
  LOG_LEVEL: "info",
  WEIR_CONSOLE: "on",
  WEIR_UNCAUGHT: "log",
  LOG_FORMAT: "json",
};

Deno.test("readConfig returns the defaults for an empty environment", () => assert.deepEqual(read({}), DEFAULTS));

Deno.test("readConfig treats an empty variable as absent", () => {
  assert.deepEqual(read({ PORT: "", NATS_URL: "", WEIR_API_KEYS: "", NATS_TOKEN: "", NATS_TOKEN_FILE: "" }), DEFAULTS);
});

Deno.test("readConfig reads only secrets from files", () => {
  assert.deepEqual(read({ PORT_FILE: "/port" }, { "/port": "1" }), DEFAULTS);
});

/** A seed without a key: only its form is checked. */
const SEED = `SU${"A".repeat(56)}`;

const settings: [name: string, text: string, value: unknown][] = [
  ["NATS_URL", "nats://a:4222, tls://b:4222,c", ["nats://a:4222", "tls://b:4222", "c"]],
  ["NATS_URL", "ws://a:80, wss://b/nats?x=1", ["ws://a:80", "wss://b/nats?x=1"]],
  ["NATS_JS_DOMAIN", "hub", "hub"],
  ["NATS_JS_API_PREFIX", "JS.store.API", "JS.store.API"],
  ["NATS_INBOX_PREFIX", "_INBOX_shop", "_INBOX_shop"],
  ["PORT", "0", 0],
  ["ADMIN_PORT", "65535", 65_535],
  ["WEIR_API_KEYS", "shop:s3cret, mail:0ther:mail.>", [
    { name: "shop", secret: "s3cret", pattern: ">" },
    { name: "mail", secret: "0ther", pattern: "mail.>" },
  ]],
  ["WEIR_API_KEYS", "shop:s3cret:orders.>:100/s,mail:0ther::600/m", [
    { name: "shop", secret: "s3cret", pattern: "orders.>", rate: { limit: 100, perMs: 1_000 } },
    { name: "mail", secret: "0ther", pattern: ">", rate: { limit: 600, perMs: 60_000 } },
  ]],
  ["WEIR_FUNCTIONS", "ship, charge,", ["ship", "charge"]],
  ["WEIR_ROLES", "functions", ["functions"]],
  ["WEIR_REPLICAS", "3", 3],
  ["WEIR_NAMESPACE", "shop-staging", "shop-staging"],
  ["WEIR_WORKERS", "3", 3],
  ["WEIR_WORKERS", "auto", navigator.hardwareConcurrency],
  ["SHUTDOWN_GRACE", "1m", 60_000],
  ["SHUTDOWN_GRACE", "1500", 1_500],
  ["LOG_LEVEL", "debug", "debug"],
  ["CORS_ORIGINS", "*", ["*"]],
  ["CORS_ORIGINS", "https://shop.example, http://localhost:5173", ["https://shop.example", "http://localhost:5173"]],
];
for (const [name, text, value] of settings) {
  Deno.test(`readConfig reads ${name}=${text}`, () =>
    assert.deepEqual(read({ [name]: text }), { ...DEFAULTS, [name]: value }));
}

const HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';
const ORIGINS = "origins such as https://shop.example with commas between, or * alone";
const wrong: [name: string, text: string, wanted: string][] = [
  ["PORT", "http", "a port: 0 to 65535"],
  ["PORT", "70000", "a port: 0 to 65535"],
  ["ADMIN_PORT", "9090.5", "a port: 0 to 65535"],
  ["WEIR_AUTH", "basic", "none, or leave it out"],
  ["WEIR_ROLES", "ingress,web", "ingress, functions, or both with a comma between"],
  ["WEIR_REPLICAS", "2", "1, 3 or 5"],
  ["WEIR_NAMESPACE", "shop.eu", "up to 32 letters, digits, - and _, the first a letter or a digit"],
  ["WEIR_WORKERS", "0", "a whole number from 1 to 256, or auto for one per core"],
  ["WEIR_WORKERS", "1.5", "a whole number from 1 to 256, or auto for one per core"],
  ["WEIR_WORKERS", "all", "a whole number from 1 to 256, or auto for one per core"],
  ["NATS_JS_DOMAIN", "hub.eu", "the name of a JetStream domain, without dots"],
  ["NATS_JS_API_PREFIX", "JS.store.>", "a subject without wildcards, and without a dot at its end"],
  ["NATS_INBOX_PREFIX", "_INBOX.", "a subject without wildcards, and without a dot at its end"],
  ["SHUTDOWN_GRACE", "soon", HELP],
  ["LOG_LEVEL", "loud", '"debug", "info", "warn", "error"'],
  ["LOG_FORMAT", "xml", '"json", "pretty"'],
  ["WEIR_CONSOLE", "yes", '"on", "read-only", "off"'],
  ["WEIR_TRACE_URL", "https://traces.example", "an http or https URL with {traceId} in it"],
  ["WEIR_UNCAUGHT", "die", '"log", "exit"'],
  ...["shop.example", "https://shop.example/", "https://a.example/b", "null", "*,https://a.example", "ftp://a", ","]
    .map((text): [string, string, string] => ["CORS_ORIGINS", text, ORIGINS]),
];
for (const [name, text, wanted] of wrong) {
  Deno.test(`readConfig refuses ${name}=${text}, and names the value and the wanted one`, () => {
    assert.deepEqual(problems({ [name]: text }), [`${name} is "${text}"; wanted: ${wanted}`]);
  });
}

const KEYS = "name:secret[:type-pattern[:limit/unit]], with commas between";
const LIMIT = "a limit such as 100/s, 600/m or 5000/h as the fourth part";
const KEY_NAMED = "a name of letters, digits and - _ . ~ @ + /, without quotes around the entry";
const SENDABLE = "a secret of visible ASCII characters, without spaces and line breaks; a comma goes between entries";
const PATTERN = "a pattern of event types such as orders.> as the third part";
const SCHEME = "the scheme nats://, tls://, ws:// or wss://, as in nats://host:4222";
const PORT = "a port from 0 to 65535, as in nats://host:4222", HOST = "a host, as in nats://host:4222";
const HOST_ONLY = "a host and a port, without a path and without spaces, as in nats://host:4222";
const HUSH_DIGEST = `sha256=${createHash("sha256").update("hush").digest("hex")}`;
const hidden: [name: string, text: string, wanted: string][] = [
  ["NATS_URL", ",", "one or more URLs such as nats://host:4222, with commas between"],
  ["NATS_URL", "http://user:hush@host", `in entry 1 ${SCHEME}`],
  ["NATS_URL", "nats://a:4222,user:hush@b:70000", `in entry 2 ${PORT}`],
  ["NATS_URL", "user:hush@b:port", `in entry 1 ${PORT}`],
  ["NATS_URL", "nats://user:hush@", `in entry 1 ${HOST}`],
  ["NATS_URL", "nats://user:hush@b:4222/path", `in entry 1 ${HOST_ONLY}`],
  ["NATS_URL", "http://a,b,hush hush", `in entry 1 ${SCHEME}; in entry 3 ${HOST_ONLY}`],
  ["NATS_URL", "ws://a,b", "only websockets (ws://, wss://), or none: they cannot be mixed with other URLs"],
  ["NATS_NKEY", "hush", "the seed of a user nkey: SU and 56 more characters"],
  ["WEIR_API_KEYS", "hush", `in entry 1 a secret after its name: ${KEYS}`],
  ["WEIR_API_KEYS", "shop:hush,hush", `in entry 2 a secret after its name: ${KEYS}`],
  ["WEIR_API_KEYS", ":hush", `in entry 1 a name: ${KEYS}`],
  ["WEIR_API_KEYS", "shop:hush:orders..x", `in entry 1 ${PATTERN}`],
  ["WEIR_API_KEYS", "shop:hush:a.>:9/s:more", `in entry 1 at most four parts, and no colon in the secret: ${KEYS}`],
  ["WEIR_API_KEYS", "shop:hush:a.>:more", `in entry 1 ${LIMIT}`],
  ["WEIR_API_KEYS", "shop:hush::0/s", `in entry 1 ${LIMIT}`],
  ["WEIR_API_KEYS", "shop:hush::100", `in entry 1 ${LIMIT}`],
  ["WEIR_API_KEYS", "shop: hush", `in entry 1 ${SENDABLE}`],
  ["WEIR_API_KEYS", "shop:hush hush", `in entry 1 ${SENDABLE}`],
  ["WEIR_API_KEYS", "shop:hush\nmail:hush", `in entry 1 ${SENDABLE}`],
  ["WEIR_API_KEYS", "shop:hush\nmail", `in entry 1 ${SENDABLE}`],
  ["WEIR_API_KEYS", "shop:h\u00fcsch", `in entry 1 ${SENDABLE}`],
  ["WEIR_API_KEYS", "a:b,my shop:hush,c:hush hush", `in entry 2 ${KEY_NAMED}; in entry 3 ${SENDABLE}`],
  ["WEIR_API_KEYS", "'shop:hush'", `in entry 1 ${KEY_NAMED}`],
  [
    "WEIR_API_KEYS",
    "shop:hush:orders.>,mail:hush:mail.>",
    "in entry 2 a secret of its own: a caller is known by its secret",
  ],
  [
    "WEIR_API_KEYS",
    `shop:hush:orders.>,mail:${HUSH_DIGEST}:mail.>`,
    "in entry 2 a secret of its own: a caller is known by its secret",
  ],
  [
    "WEIR_API_KEYS",
    `shop:${HUSH_DIGEST},mail:sha256=${HUSH_DIGEST.slice(7).toUpperCase()}`,
    "in entry 2 a secret of its own: a caller is known by its secret",
  ],
  [
    "WEIR_API_KEYS",
    "shop:hush:orders.>:1/s,shop:hush:mail.>:9/s",
    "in entry 2 the limit of the other entries with this secret, or none",
  ],
  ["WEIR_API_KEYS", `shop:${HUSH_DIGEST.slice(0, -1)}`, "in entry 1 64 hex digits after sha256="],
  ["WEIR_ADMIN_KEY", "hush hush", "visible ASCII characters without spaces"],
];
for (const [name, text, wanted] of hidden) {
  Deno.test(`readConfig refuses ${name}=${text} without showing it`, () => {
    assert.deepEqual(problems({ [name]: text }), [`${name} is a secret that is not shown; wanted: ${wanted}`]);
  });
}

const contradictions: [variables: Variables, problem: string][] = [
  [{ NATS_USER: "u" }, "NATS_USER is set without NATS_PASSWORD: set both"],
  [{ NATS_PASSWORD: "hush" }, "NATS_PASSWORD is set without NATS_USER: set both"],
  [{ NATS_TLS_CERT: "c.pem" }, "NATS_TLS_CERT is set without NATS_TLS_KEY: set both"],
  [{ NATS_TLS_KEY: "k.pem" }, "NATS_TLS_KEY is set without NATS_TLS_CERT: set both"],
  [
    { NATS_JS_DOMAIN: "hub", NATS_JS_API_PREFIX: "JS.hub.API" },
    "NATS_JS_DOMAIN and NATS_JS_API_PREFIX are both set: set only one of them",
  ],
  [
    { NATS_CREDS: "-----BEGIN NATS USER JWT-----", NATS_NKEY: SEED },
    "NATS_CREDS and NATS_NKEY are both set: set only one of them",
  ],
  [{ WEIR_AUTH: "none", WEIR_API_KEYS: "a:b" }, "WEIR_AUTH is none and WEIR_API_KEYS is set: set only one of them"],
];
const PEM = { "c.pem": "certificate", "k.pem": "key" };
for (const [variables, problem] of contradictions) {
  Deno.test(`readConfig refuses: ${problem}`, () => assert.deepEqual(problems(variables, PEM), [problem]));
}

Deno.test("readConfig names each file of NATS_TLS_* that cannot be read", () => {
  const variables = { NATS_TLS_CA: "/ca.pem", NATS_TLS_CERT: "c.pem", NATS_TLS_KEY: "/k.pem" };
  assert.deepEqual(problems(variables, PEM), [
    "NATS_TLS_CA: /ca.pem cannot be read: no such file",
    "NATS_TLS_KEY: /k.pem cannot be read: no such file",
  ]);
});

Deno.test("readConfig names every problem at once", () => {
  const found = problems({ PORT: "x", LOG_LEVEL: "y", NATS_USER: "u", NATS_TOKEN: "t", NATS_TOKEN_FILE: "/t" });
  assert.deepEqual(found.sort(), [
    'LOG_LEVEL is "y"; wanted: "debug", "info", "warn", "error"',
    "NATS_TOKEN and NATS_TOKEN_FILE are both set: set only one of them",
    "NATS_USER is set without NATS_PASSWORD: set both",
    'PORT is "x"; wanted: a port: 0 to 65535',
  ]);
});

const secrets: [name: string, value: string, others: Variables][] = [
  ["NATS_TOKEN", "hush", {}],
  ["NATS_USER", "hush", { NATS_PASSWORD: "p" }],
  ["NATS_PASSWORD", "hush", { NATS_USER: "u" }],
  ["NATS_CREDS", "-----BEGIN NATS USER JWT-----", {}],
  ["NATS_NKEY", SEED, {}],
];
for (const [name, value, others] of secrets) {
  Deno.test(`readConfig reads ${name}_FILE without its line end`, () => {
    const config = read({ [`${name}_FILE`]: "/run/secret", ...others }, { "/run/secret": `${value}\n` });
    const files = { [name.replace("NATS_", "").toLowerCase()]: "/run/secret" };
    assert.deepEqual(config, { ...DEFAULTS, ...others, [name]: value, files });
  });
  Deno.test(`readConfig refuses ${name} together with ${name}_FILE`, () => {
    assert.deepEqual(problems({ [name]: value, [`${name}_FILE`]: "/run/secret", ...others }), [
      `${name} and ${name}_FILE are both set: set only one of them`,
    ]);
  });
}

for (const name of ["WEIR_API_KEYS", "WEIR_ADMIN_KEY", "NATS_TOKEN"]) {
  Deno.test(`readConfig refuses an empty file as ${name}_FILE, instead of going on without the secret`, () => {
    const variable = `${name}_FILE`;
    assert.deepEqual(problems({ [variable]: "/run/none" }, { "/run/none": "\n" }), [
      `${variable} is "/run/none", which is empty`,
    ]);
  });
}

for (const [name, what] of [["WEIR_API_KEYS_FILE", "keys"], ["WEIR_ADMIN_KEY_FILE", "key"]]) {
  Deno.test(`readConfig refuses an empty ${name}, which does not mean that no key is needed`, () => {
    const problem = `${name} is "", which names no file: set it, or remove it to have no ${what}`;
    assert.deepEqual(problems({ [name]: "" }), [problem]);
  });
}

Deno.test("readConfig parses API keys and servers from files", () => {
  const files = { "/keys": "shop:s3cret\n", "/urls": "nats://u:hush@a:4222\n" };
  const config = read({ WEIR_API_KEYS_FILE: "/keys", NATS_URL_FILE: "/urls" }, files);
  assert.deepEqual(config.WEIR_API_KEYS, [{ name: "shop", secret: "s3cret", pattern: ">" }]);
  assert.deepEqual(config.NATS_URL, ["nats://u:hush@a:4222"]);
});

Deno.test("readConfig names the variable and the path of a file that it cannot read", () => {
  const problem = 'NATS_TOKEN_FILE is "/run/none", which cannot be read: no such file';
  assert.deepEqual(problems({ NATS_TOKEN_FILE: "/run/none" }), [problem]);
});

Deno.test("readConfig takes NATS_CREDS as the text of a credentials file, or its path", () => {
  const creds = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------";
  assert.equal(read({ NATS_CREDS: creds }).NATS_CREDS, creds);
  assert.equal(read({ NATS_CREDS: "/run/app.creds" }, { "/run/app.creds": `${creds}\n` }).NATS_CREDS, creds);
});

Deno.test("readConfig does not show a seed that is given as NATS_CREDS", () => {
  const found = problems({ NATS_CREDS: `SU${"A".repeat(56)}` });
  assert.match(found.join("; "), /^NATS_CREDS (?!.*SUAAA)/);
});

for (const HOST of ["0.0.0.0", "10.0.0.7", "128.0.0.1", "::", "localhost.example.com"]) {
  Deno.test(`authProblem refuses ${HOST} without keys, unless WEIR_AUTH is none or there is no ingress`, () => {
    assert.notEqual(authProblem(read({ HOST })), undefined);
    assert.notEqual(authProblem(read({ HOST, WEIR_ROLES: "ingress" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_ROLES: "functions" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_API_KEYS: "shop:hush" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_AUTH: "none" })), undefined);
  });
}

for (const HOST of ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"]) {
  Deno.test(`authProblem accepts ${HOST} without keys`, () => assert.equal(authProblem(read({ HOST })), undefined));
}

Deno.test("authProblem names every way to fix it", () => {
  const problem = 'WEIR_API_KEYS is not set and HOST is "0.0.0.0": any client that reaches it could publish. ' +
    "Set WEIR_API_KEYS=name:secret, or WEIR_JWT_KEYS_URL, or HOST=127.0.0.1, or WEIR_AUTH=none on purpose";
  assert.equal(authProblem(read({})), problem);
});

for (const name of ["WEIR_API_KEYS", "WEIR_FUNCTIONS"]) {
  Deno.test(`readConfig refuses an empty list as ${name}: no key would be valid, or no function would run`, () => {
    assert.throws(
      () => readConfig({ get: (variable) => variable === name ? "," : undefined, readFile: () => "" }),
      new RegExp(`${name} is .*; wanted: at least one name`),
    );
  });
}

for (
  const [text, names] of [[" ship,, charge ,", ["ship", "charge"]], [",", undefined], [undefined, undefined]] as const
) {
  Deno.test(`readFunctionNames reads ${JSON.stringify(text)} beside a variable that is wrong`, () => {
    const variables: Record<string, string | undefined> = { WEIR_FUNCTIONS: text, PORT: "http" };
    assert.deepEqual(readFunctionNames({ get: (name) => variables[name], readFile: () => "" }), names);
  });
}

Deno.test("readConfig keeps the spaces of a secret in a file", () => {
  assert.equal(read({ NATS_TOKEN_FILE: "/token" }, { "/token": " a b \r\n" }).NATS_TOKEN, " a b ");
});

Deno.test("ENVIRONMENT reads each file once, as a pipe needs it", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "first");
    assert.equal(ENVIRONMENT.readFile(path), "first");
    await Deno.writeTextFile(path, "");
    assert.equal(ENVIRONMENT.readFile(path), "first");
  } finally {
    await Deno.remove(path);
  }
});

const inboxes: [prefix: string | undefined, problem: RegExp | undefined][] = [
  [undefined, undefined],
  ["_INBOX_shop", undefined],
  ["orders", /^NATS_INBOX_PREFIX is "orders", and stream ORDERS stores orders\.>: replies would be stored as events/],
  ["orders.replies", /and stream ORDERS stores/],
];
for (const [prefix, problem] of inboxes) {
  Deno.test(`inboxProblem ${problem ? "refuses" : "takes"} NATS_INBOX_PREFIX=${prefix ?? ""} beside a stream of orders.>`, () => {
    const found = inboxProblem({ NATS_INBOX_PREFIX: prefix }, [{ name: "ORDERS", subjects: ["orders.>"] }]);
    if (problem) assert.match(found!, problem);
    else assert.equal(found, undefined);
  });
}
