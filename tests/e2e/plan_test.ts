import assert from "node:assert/strict";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startCommands } from "../support/commands.ts";
import { copyProject, copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

async function setup() {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProject());
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const all = scope.move();
  const env = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const start = (args: string[], more: Record<string, string> = {}, folder = project.path) =>
    all.use(startWeir(folder, args, { ...env, ...more }));
  return {
    server,
    path: project.path,
    jsm: await jetstreamManager(nc),
    start,
    run: async (...args: string[]) => {
      const program = start(args), { code } = await program.status;
      return { code, text: program.lines.join("\n") };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

Deno.test("plan shows what a release changes, apply makes the changes, and then plan shows none", async () => {
  await using bench = await setup();
  await using weir = await startCommands(bench.path, bench.server.url);
  const fresh = await weir("plan");
  assert.equal(fresh.code, 2, fresh.text);
  assert.match(fresh.text, /\+ stream ORDERS: orders\.>; it has no events yet/);
  assert.match(
    fresh.text,
    /\+ consumer reserveInventory on stream ORDERS: orders\.created; starts with 0 stored events/,
  );
  assert.match(fresh.text, /^15 to create$/m);
  assert.deepEqual(await Array.fromAsync(bench.jsm.streams.names()), []);

  const applied = await weir("apply");
  assert.equal(applied.code, 0, applied.text);
  assert.match(applied.text, /^15 steps done$/m);
  assert.deepEqual(await weir("plan"), { code: 0, text: "15 up to date" });
  assert.deepEqual(await weir("apply"), { code: 0, text: "nothing was changed" });

  await bench.jsm.consumers.update("ORDERS", "reserveInventory", { max_deliver: 3 });
  await bench.jsm.consumers.delete("PAYMENTS", "confirmOrder");
  await bench.jsm.consumers.add("PAYMENTS", { durable_name: "confirmOrder", ack_policy: AckPolicy.None });
  const drifted = await weir("plan", "--json");
  assert.equal(drifted.code, 1);
  const steps: { kind: string; name: string; problems?: string[] }[] = JSON.parse(drifted.text);
  const [{ problems = [], ...blocked }, ...others] = steps.filter(({ kind }) => kind !== "same");
  assert.deepEqual(blocked, { what: "consumer", name: "confirmOrder", stream: "PAYMENTS", kind: "blocked" });
  const says =
    /ack_policy is none and should be explicit: .*\(nats consumer rm PAYMENTS confirmOrder\) and start again: /;
  assert.match(problems.join(), says);
  assert.deepEqual(others, [
    {
      what: "consumer",
      name: "reserveInventory",
      stream: "ORDERS",
      kind: "update",
      changes: [{ field: "max_deliver", from: 3, to: -1 }],
      leftOut: [],
    },
  ]);
  const refused = await bench.run("start");
  assert.equal(refused.code, 1);
  assert.match(refused.text, says);
  const partly = await weir("apply");
  assert.equal(partly.code, 1, partly.text);
  assert.match(partly.text, says);
  await bench.jsm.consumers.delete("PAYMENTS", "confirmOrder");
  const mended = await weir("apply", "--json");
  assert.equal(mended.code, 0, mended.text);
  assert.equal((await weir("plan")).code, 0);
});

Deno.test("plan and apply exit with 1 and name what blocks a step", async () => {
  await using bench = await setup();
  await bench.jsm.streams.add({ name: "ALL", subjects: ["stock.*"] });
  const plan = await bench.run("plan");
  assert.equal(plan.code, 1);
  assert.match(plan.text, /! stream STOCK\n +subjects overlap with those of stream ALL/);
  const apply = await bench.run("apply");
  assert.equal(apply.code, 1);
  assert.match(apply.text, /^weir: stream STOCK: subjects overlap with those of stream ALL/m);
});

Deno.test("start --no-apply lists what is missing, names `deno task apply`, and starts after it", async () => {
  await using bench = await setup();
  for (const WEIR_WORKERS of ["1", "2"]) {
    const refused = bench.start(["start", "--no-apply"], { WEIR_WORKERS });
    assert.equal((await refused.status).code, 1);
    const text = refused.lines.join("\n");
    assert.equal(text.match(/consumer reserveInventory on stream ORDERS is missing/g)?.length, 1, text);
    assert.match(text, /with --no-apply a start changes nothing: run `deno task apply` first/);
  }
  assert.deepEqual(await Array.fromAsync(bench.jsm.streams.names()), []);
  assert.equal((await bench.run("apply")).code, 0);
  for (const WEIR_WORKERS of ["1", "2"]) {
    const started = bench.start(["start", "--no-apply"], { WEIR_WORKERS });
    await started.waitForLog(({ message }) => message === "ready");
    started.kill("SIGTERM");
    assert.equal((await started.status).code, 0);
  }
});

Deno.test("start --no-apply does not re-create a consumer that is deleted while its workers run", async () => {
  await using bench = await setup();
  assert.equal((await bench.run("apply")).code, 0);
  const started = bench.start(["start", "--no-apply"], { WEIR_WORKERS: "2" });
  await started.waitForLog(({ message }) => message === "ready");
  await bench.jsm.consumers.delete("ORDERS", "reserveInventory");
  await started.waitForLog(({ message, error }) =>
    message === "streams or consumers are not as declared, and this process may not change them" &&
    JSON.stringify(error).includes("consumer reserveInventory on stream ORDERS is missing")
  );
  await assert.rejects(bench.jsm.consumers.info("ORDERS", "reserveInventory"));
});

Deno.test("apply --prune removes the orphans of a removed function, which plan shows", async () => {
  await using bench = await setup();
  assert.equal((await bench.run("apply")).code, 0);
  await using smaller = await copyProjectWith({
    "functions/audit.ts":
      'import { defineFunction } from "weir";\nexport default defineFunction({ on: "orders.created" }, () => {});\n',
  });
  const run = async (...args: string[]) => {
    const program = bench.start(args, {}, smaller.path), { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };
  assert.equal((await run("apply")).code, 0);
  const plan = await run("plan");
  assert.equal(plan.code, 0, plan.text);
  assert.match(plan.text, /- consumer reserveInventory on stream RETRIES\n +0 events wait on it/);
  await bench.jsm.consumers.delete("ORDERS", "audit");
  const misspelt = await run("apply", "--prune", "reserveInventry");
  assert.equal(misspelt.code, 1);
  assert.match(
    misspelt.text,
    /^weir: nothing was changed: no unused consumer has the name "reserveInventry": did you mean "reserveInventory"\?$/m,
  );
  await assert.rejects(bench.jsm.consumers.info("ORDERS", "audit")); // no step was applied
  const pruned = await run("apply", "--prune", "reserveInventory");
  assert.equal(pruned.code, 0, pruned.text);
  assert.match(pruned.text, /removed, with 0 events left unhandled in stream ORDERS/);
  await assert.rejects(bench.jsm.consumers.info("RETRIES", "reserveInventory"));
  assert.equal((await bench.jsm.consumers.info("RETRIES", "capturePayment")).name, "capturePayment");
});

Deno.test("plan, apply, start and doctor give the same warnings, and plan --strict exits with 1 on them", async () => {
  await using bench = await setup();
  const text = (on: string) =>
    `import { defineFunction } from "weir";\nexport default defineFunction({ on: "${on}" }, () => {});\n`;
  await using project = await copyProjectWith({
    "functions/again.ts": 'import { defineFunction } from "weir";\nimport { Created } from "../schemas/orders.ts";\n' +
      "export default defineFunction({ on: Created, emits: [Created] }, () => {});\n",
    "functions/ship.ts": text("orders.creatd"),
    "schemas/orders.ts": 'import { defineEvent } from "weir";\nimport { z } from "zod";\n' +
      'export const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({}) });\n',
  });
  await Deno.mkdir(`${project.path}/functions/mail`);
  await Deno.writeTextFile(`${project.path}/functions/mail/send.ts`, text("orders.created"));
  const env = { WEIR_API_KEY: "shop:0123456789abcdef" };
  const warnings = [
    "WEIR_API_KEY is set, and nothing reads it: did you mean WEIR_API_KEYS?",
    'functions/ship.ts: no event has the type "orders.creatd": did you mean "orders.created"?',
    "functions/again.ts: it emits what leads back to it: again → orders.created → again. A chain of more than 50 events " +
    "ends as dead letter `looped`",
    "functions/mail/send.ts is not a function: only files directly in functions/ are. Move it, or begin its name with _ " +
    "if it is a helper",
  ];
  const run = async (...args: string[]) => {
    const program = bench.start(args, env, project.path), { code } = await program.status;
    return { code, lines: program.lines };
  };
  const printed = warnings.map((warning) => `warning: ${warning}`);
  const strict = await run("plan", "--strict");
  assert.deepEqual([strict.code, strict.lines.filter((line) => line.startsWith("warning"))], [1, printed]);
  const plan = await run("plan", "--json");
  assert.deepEqual([plan.code, plan.lines.filter((line) => line.startsWith("warning"))], [2, printed]);
  const apply = await run("apply");
  assert.deepEqual([apply.code, apply.lines.filter((line) => line.startsWith("warning"))], [0, printed]);

  const start = bench.start(["start"], env, project.path);
  await start.waitForLog(({ message }) => message === "ready");
  const logged = start.lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
  assert.deepEqual(logged.map(({ message }) => message), warnings);

  const doctor = await run("doctor", "--json");
  const json = doctor.lines.join("\n"), findings: { check: string; what: string; why: string }[] = JSON.parse(json);
  const found = findings.filter(({ what }) => warnings.includes(what));
  assert.deepEqual(found.map(({ check }) => check), [
    "variable-names",
    "project-warnings",
    "project-warnings",
    "project-warnings",
  ]);
  for (const { why } of found) assert.doesNotMatch(why, /exits with 1/);
});
