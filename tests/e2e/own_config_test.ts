import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** A key of several lines, as in a PEM file, and the one that handlers quote. */
const SECRET = "0pen-sesame-42-0pen-sesame-42", KEY = `-----BEGIN KEY-----\n${SECRET}\n-----END KEY-----`;
const FILES = {
  "schemas/orders.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
export const Placed = defineEvent({ type: "orders.placed", version: 1, data: z.object({}), ingress: {} });
`,
  "functions/_payments.ts": `
import { defineConfig } from "weir";
import { z } from "zod";
export const payments = defineConfig(z.object({
  PAYMENT_URL: z.url().describe("payment service"),
  PAYMENT_RETRIES: z.coerce.number().int().default(3),
  PAYMENT_PIN: z.string().min(8).meta({ secret: true }).describe("pin of the shop"),
}));
`,
  "functions/_mail.ts": `
import { defineConfig } from "weir";
import { z } from "zod";
export const mail = defineConfig(z.object({ MAIL_FROM: z.email() }));
`,
  "functions/pay.ts": `
import { defineFunction, defineHealthCheck } from "weir";
import { Placed } from "../schemas/orders.ts";
import { payments } from "./_payments.ts";

export const till = defineHealthCheck({ name: "till" }, () => {
  throw new Error("refused " + payments.get().PAYMENT_PIN.split("\\n")[1]);
});
export default defineFunction({ on: Placed, retry: { attempts: 1 } }, (_event, ctx) => {
  const { PAYMENT_URL, PAYMENT_RETRIES, PAYMENT_PIN } = payments.get();
  ctx.log.info("pays", { url: PAYMENT_URL, retries: PAYMENT_RETRIES });
  throw new Error("the bank refused " + PAYMENT_PIN.split("\\n")[1]);
});
`,
  "functions/notify.ts": `
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
import { mail } from "./_mail.ts";
export default defineFunction({ on: Placed }, (_event, ctx) => ctx.log.info("mails", { from: mail.get().MAIL_FROM }));
`,
};

async function run(project: string, args: readonly string[], env: Record<string, string>) {
  await using program = startWeir(project, args, env);
  const { code } = await program.status;
  return { code, lines: program.lines, text: program.lines.join("\n") };
}

Deno.test("start names every variable of the project that is missing or wrong, with Weir's own, and no value", async () => {
  await using project = await copyProjectWith(FILES);
  const env = { PORT: "eighty", HOST: "127.0.0.1", PAYMNT_URL: "x", PAYMENT_PIN: "sh0rt", MAIL_FROM: "n0body" };
  const { code, lines, text } = await run(project.path, ["start"], env);
  assert.equal(code, 1);
  const { message, problems } = JSON.parse(lines.at(-1)!);
  assert.equal(message, "cannot start: 5 problems");
  assert.deepEqual(problems, [
    'PORT is "eighty"; wanted: a port: 0 to 65535',
    "MAIL_FROM is not as wanted: Invalid email address (functions/_mail.ts)",
    "PAYMENT_URL is not set, payment service: set it (functions/_payments.ts)",
    "PAYMENT_PIN is not as wanted, pin of the shop: Too small: expected string to have >=8 characters " +
    "(functions/_payments.ts)",
    "PAYMNT_URL is set, and nothing reads it: did you mean PAYMENT_URL?",
  ]);
  assert.doesNotMatch(text, /sh0rt|n0body/);
});

Deno.test("start reads a secret from its file, and shows it in no log, health answer or dead letter", async () => {
  await using project = await copyProjectWith(FILES);
  await using server = await startServer();
  await Deno.writeTextFile(`${project.path}/pin`, `${KEY}\n`);
  const ports = freePorts("PORT", "ADMIN_PORT"), url = `http://127.0.0.1:${ports.PORT}`;
  const env = {
    ...{ ...ports, HOST: "127.0.0.1", NATS_URL: server.url, WEIR_FUNCTIONS: "pay" }, // so that MAIL_FROM is not needed
    ...{ PAYMENT_URL: "https://pay.example", PAYMENT_PIN_FILE: `${project.path}/pin` },
  };
  await using start = startWeir(project.path, ["start"], env);
  await start.waitForLog(({ message }) => message === "ready");
  const health = await (await fetch(`${url}/health`)).json();
  assert.equal(health.checks.till.error, "refused [redacted]");
  const headers = { "content-type": "application/json" };
  const published = await fetch(`${url}/events/orders.placed`, { method: "POST", headers, body: "{}" });
  assert.equal(published.status, 202, await published.text());
  const pays = await start.waitForLog(({ message }) => message === "pays");
  assert.deepEqual([pays.url, pays.retries], ["https://pay.example", 3]);
  await start.waitForLog(({ outcome }) => outcome === "dead-letter");
  const { lines } = await run(project.path, ["dead-letters", "list", "--json"], env);
  assert.match(lines.join("\n"), /the bank refused \[redacted\]/);
  start.kill("SIGTERM");
  await start.status;
  assert.ok(start.lines.some((line) => line.includes("the bank refused [redacted]")));
  assert.ok(![...start.lines, ...lines].join("\n").includes(SECRET));
});

Deno.test("functions --env lists the variables of the project, and no value; doctor checks them", async () => {
  await using project = await copyProjectWith(FILES);
  const env = { PAYMENT_PIN_FILE: "/run/pin", PAYMENT_URL: "https://pay.example", MAIL_FORM: "x" };
  const { code, text } = await run(project.path, ["functions", "--env"], env);
  assert.equal(code, 0);
  assert.deepEqual(text.split("\n").map((line) => line.split(/ {2,}/)), [
    ["variable", "type", "default", "set", "functions", "meaning"],
    ["MAIL_FROM", "string (email)", "required", "no", "notify"],
    ["PAYMENT_URL", "string (uri)", "required", "yes", "pay", "payment service"],
    ["PAYMENT_RETRIES", "integer", "3", "no", "pay"],
    ["PAYMENT_PIN", "string, secret", "required", "by PAYMENT_PIN_FILE", "pay", "pin of the shop"],
  ]);
  const json = JSON.parse((await run(project.path, ["functions", "--env", "--json"], env)).text);
  assert.deepEqual(json[3], {
    name: "PAYMENT_PIN",
    type: "string",
    default: null,
    description: "pin of the shop",
    secret: true,
    required: true,
    functions: ["pay"],
    file: "functions/_payments.ts",
    setBy: "PAYMENT_PIN_FILE",
  });
  const { NATS } = freePorts("NATS");
  const doctor = await run(project.path, ["doctor", "--json"], { ...env, NATS_URL: `nats://127.0.0.1:${NATS}` });
  const findings: { check: string; what: string }[] = JSON.parse(doctor.text);
  const ofConfiguration = findings.filter(({ check }) => check === "configuration" || check === "variable-names");
  assert.deepEqual(ofConfiguration.map(({ what }) => what), [
    "MAIL_FROM is not set: set it (functions/_mail.ts)",
    "PAYMENT_PIN_FILE is \"/run/pin\", which cannot be read: No such file or directory (os error 2): readfile '/run/pin' " +
    "(functions/_payments.ts)",
    "MAIL_FORM is set, and nothing reads it: did you mean MAIL_FROM?",
  ]);
});

Deno.test("start, doctor and functions --env take a transform that throws and a default that JSON has no form for", async () => {
  await using project = await copyProjectWith({
    ...FILES,
    "functions/_mail.ts": `
import { defineConfig } from "weir";
import { z } from "zod";
export const mail = defineConfig(z.object({
  MAIL_FROM: z.string().transform((text) => JSON.parse(text).from).meta({ secret: true }),
  MAIL_LIMIT: z.coerce.bigint().default(5n),
}));
`,
  });
  const env = { HOST: "127.0.0.1", MAIL_FROM: SECRET, WEIR_FUNCTIONS: "notify" };
  const problem =
    "MAIL_FROM is not as wanted: its check or transform throws SyntaxError: let it call `ctx.addIssue` instead " +
    "(functions/_mail.ts)";
  const start = await run(project.path, ["start"], env);
  assert.equal(start.code, 1);
  assert.deepEqual(JSON.parse(start.lines.at(-1)!).problems, [problem]);
  const { NATS } = freePorts("NATS");
  const doctor = await run(project.path, ["doctor", "--json"], { ...env, NATS_URL: `nats://127.0.0.1:${NATS}` });
  assert.ok(JSON.parse(doctor.text).some(({ what }: { what: string }) => what === problem), doctor.text);
  const { code, text } = await run(project.path, ["functions", "--env"], env);
  assert.equal(code, 0, text);
  assert.match(text, /^MAIL_LIMIT +string +"5n" +no +notify/m);
  for (const one of [start.text, doctor.text, text]) assert.doesNotMatch(one, /0pen/);
});

Deno.test("dev names each variable that is missing, and none that it sets itself", async () => {
  await using project = await copyProjectWith(FILES);
  await using dev = startWeir(project.path, ["dev", "--no-check"], freePorts("PORT", "ADMIN_PORT"));
  await dev.waitForLine(
    /MAIL_FROM is not set: set it .*; dev reads variables once, so start it again, .*--env-file dev$/,
  );
  await dev.waitForLine(/no functions are running: waiting for a change/);
  dev.kill("SIGTERM");
  await dev.status;
  assert.doesNotMatch(dev.lines.join("\n"), /nothing reads it/);
});
