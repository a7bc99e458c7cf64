import assert from "node:assert/strict";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { authProblem, readConfig } from "../../runtime/app/config.ts";

type Variables = Record<string, string>;

/** The configuration that these variables, and these files, make. */
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
  LOG_FORMAT: "json",
};

Deno.test("an empty environment has these settings and no other", () => assert.deepEqual(read({}), DEFAULTS));

Deno.test("an empty variable counts as absent", () => {
  assert.deepEqual(read({ PORT: "", NATS_URL: "", WEIR_API_KEYS: "", NATS_TOKEN: "", NATS_TOKEN_FILE: "" }), DEFAULTS);
});

Deno.test("a setting that is no secret is not read from a file", () => {
  assert.deepEqual(read({ PORT_FILE: "/port" }, { "/port": "1" }), DEFAULTS);
});

const settings: [name: string, text: string, value: unknown][] = [
  ["NATS_URL", "nats://a:4222, tls://b:4222,c", ["nats://a:4222", "tls://b:4222", "c"]],
  ["PORT", "0", 0],
  ["ADMIN_PORT", "65535", 65_535],
  ["WEIR_API_KEYS", "shop:s3cret, mail:0ther:mail.>", [
    { name: "shop", secret: "s3cret", pattern: ">" },
    { name: "mail", secret: "0ther", pattern: "mail.>" },
  ]],
  ["WEIR_FUNCTIONS", "ship, charge,", ["ship", "charge"]],
  ["WEIR_ROLES", "functions", ["functions"]],
  ["WEIR_REPLICAS", "3", 3],
  ["WEIR_WORKERS", "3", 3],
  ["WEIR_WORKERS", "auto", navigator.hardwareConcurrency],
  ["SHUTDOWN_GRACE", "1m", 60_000],
  ["SHUTDOWN_GRACE", "1500", 1_500],
  ["LOG_LEVEL", "debug", "debug"],
];
for (const [name, text, value] of settings) {
  Deno.test(`${name}=${text} is read`, () => assert.deepEqual(read({ [name]: text }), { ...DEFAULTS, [name]: value }));
}

const HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';
const wrong: [name: string, text: string, wanted: string][] = [
  ["PORT", "http", "a port: 0 to 65535"],
  ["PORT", "70000", "a port: 0 to 65535"],
  ["ADMIN_PORT", "9090.5", "a port: 0 to 65535"],
  ["WEIR_AUTH", "basic", "none, or leave it out"],
  ["WEIR_ROLES", "ingress,web", "ingress, functions, or both with a comma between"],
  ["WEIR_REPLICAS", "2", "1, 3 or 5"],
  ["WEIR_WORKERS", "0", "a whole number from 1 to 256, or auto for one per core"],
  ["WEIR_WORKERS", "1.5", "a whole number from 1 to 256, or auto for one per core"],
  ["WEIR_WORKERS", "all", "a whole number from 1 to 256, or auto for one per core"],
  ["SHUTDOWN_GRACE", "soon", HELP],
  ["LOG_LEVEL", "loud", '"debug", "info", "warn", "error"'],
  ["LOG_FORMAT", "xml", '"json", "pretty"'],
];
for (const [name, text, wanted] of wrong) {
  Deno.test(`${name}=${text} is refused with what was given and what is wanted`, () => {
    assert.deepEqual(problems({ [name]: text }), [`${name} is "${text}"; wanted: ${wanted}`]);
  });
}

const KEYS = "name:secret or name:secret:type-pattern, with commas between";
const hidden: [name: string, text: string, wanted: string][] = [
  ["NATS_URL", "http://user:hush@host", "one or more URLs such as nats://host:4222, with commas between"],
  ["WEIR_API_KEYS", "hush", KEYS],
  ["WEIR_API_KEYS", "shop:hush:orders..x", KEYS],
  ["WEIR_API_KEYS", "shop:hush:a.>:more", KEYS],
];
for (const [name, text, wanted] of hidden) {
  Deno.test(`${name}=${text} is refused without showing it`, () => {
    assert.deepEqual(problems({ [name]: text }), [`${name} is a value that is hidden here; wanted: ${wanted}`]);
  });
}

const contradictions: [variables: Variables, problem: string][] = [
  [{ NATS_USER: "u" }, "NATS_USER is set, and needs NATS_PASSWORD with it"],
  [{ NATS_PASSWORD: "hush" }, "NATS_PASSWORD is set, and needs NATS_USER with it"],
  [{ NATS_TLS_CERT: "c.pem" }, "NATS_TLS_CERT is set, and needs NATS_TLS_KEY with it"],
  [{ NATS_TLS_KEY: "k.pem" }, "NATS_TLS_KEY is set, and needs NATS_TLS_CERT with it"],
  [{ WEIR_AUTH: "none", WEIR_API_KEYS: "a:b" }, "WEIR_AUTH is none and WEIR_API_KEYS is set: leave one of them out"],
];
for (const [variables, problem] of contradictions) {
  Deno.test(`this will not do: ${problem}`, () => assert.deepEqual(problems(variables), [problem]));
}

Deno.test("every problem is told at once, contradictions among them", () => {
  const found = problems({ PORT: "x", LOG_LEVEL: "y", NATS_USER: "u", NATS_TOKEN: "t", NATS_TOKEN_FILE: "/t" });
  assert.deepEqual(found.sort(), [
    'LOG_LEVEL is "y"; wanted: "debug", "info", "warn", "error"',
    "NATS_TOKEN and NATS_TOKEN_FILE are both set: leave one of them out",
    "NATS_USER is set, and needs NATS_PASSWORD with it",
    'PORT is "x"; wanted: a port: 0 to 65535',
  ]);
});

const secrets: [name: string, value: string, others: Variables][] = [
  ["NATS_TOKEN", "hush", {}],
  ["NATS_USER", "hush", { NATS_PASSWORD: "p" }],
  ["NATS_PASSWORD", "hush", { NATS_USER: "u" }],
  ["NATS_CREDS", "-----BEGIN NATS USER JWT-----", {}],
];
for (const [name, value, others] of secrets) {
  Deno.test(`${name} may be given as ${name}_FILE, and its line's end is not part of it`, () => {
    const config = read({ [`${name}_FILE`]: "/run/secret", ...others }, { "/run/secret": `${value}\n` });
    assert.deepEqual(config, { ...DEFAULTS, ...others, [name]: value });
  });
  Deno.test(`${name} and ${name}_FILE together are one problem`, () => {
    assert.deepEqual(problems({ [name]: value, [`${name}_FILE`]: "/run/secret", ...others }), [
      `${name} and ${name}_FILE are both set: leave one of them out`,
    ]);
  });
}

Deno.test("API keys and servers are read from a file like any other text of theirs", () => {
  const files = { "/keys": "shop:s3cret\n", "/urls": "nats://u:hush@a:4222\n" };
  const config = read({ WEIR_API_KEYS_FILE: "/keys", NATS_URL_FILE: "/urls" }, files);
  assert.deepEqual(config.WEIR_API_KEYS, [{ name: "shop", secret: "s3cret", pattern: ">" }]);
  assert.deepEqual(config.NATS_URL, ["nats://u:hush@a:4222"]);
});

Deno.test("a file that cannot be read is a problem with its variable and its path", () => {
  const problem = 'NATS_TOKEN_FILE is "/run/none", which cannot be read: no such file';
  assert.deepEqual(problems({ NATS_TOKEN_FILE: "/run/none" }), [problem]);
});

Deno.test("NATS_CREDS is the text of a credentials file, or its path", () => {
  const creds = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------";
  assert.equal(read({ NATS_CREDS: creds }).NATS_CREDS, creds);
  assert.equal(read({ NATS_CREDS: "/run/app.creds" }, { "/run/app.creds": `${creds}\n` }).NATS_CREDS, creds);
});

Deno.test("a seed that was put where its file's path belongs is not shown", () => {
  const found = problems({ NATS_CREDS: `SU${"A".repeat(56)}` });
  assert.match(found.join("; "), /^NATS_CREDS (?!.*SUAAA)/);
});

for (const HOST of ["0.0.0.0", "10.0.0.7", "128.0.0.1", "::", "localhost.example.com"]) {
  Deno.test(`without keys, listening at ${HOST} is refused, unless that is on purpose or nothing can come in`, () => {
    assert.notEqual(authProblem(read({ HOST })), undefined);
    assert.notEqual(authProblem(read({ HOST, WEIR_ROLES: "ingress" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_ROLES: "functions" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_API_KEYS: "shop:hush" })), undefined);
    assert.equal(authProblem(read({ HOST, WEIR_AUTH: "none" })), undefined);
  });
}

for (const HOST of ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"]) {
  Deno.test(`listening at ${HOST} needs no keys`, () => assert.equal(authProblem(read({ HOST })), undefined));
}

Deno.test("what to do about it is said", () => {
  const problem = 'WEIR_API_KEYS is not set and HOST is "0.0.0.0": anybody who reaches it could publish. ' +
    "Set WEIR_API_KEYS=name:secret, or HOST=127.0.0.1, or WEIR_AUTH=none on purpose";
  assert.equal(authProblem(read({})), problem);
});

for (const name of ["WEIR_API_KEYS", "WEIR_FUNCTIONS"]) {
  Deno.test(`${name} with nothing between its commas is refused: it would quietly let in, or run, nothing`, () => {
    assert.throws(
      () => readConfig({ get: (variable) => variable === name ? "," : undefined, readFile: () => "" }),
      new RegExp(`${name} is .*; wanted: at least one name`),
    );
  });
}
