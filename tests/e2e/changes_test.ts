import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const schema = (n: string) =>
  'import { defineEvent } from "weir";\nimport { z } from "zod";\n' +
  `export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: ${n} }), ingress: {} });\n`;
const fn = (options = "") =>
  'import { defineFunction } from "weir";\nimport { Asked } from "../schemas/demo.ts";\n' +
  `export default defineFunction({ on: Asked, ${options} }, ({ data }, ctx) => ctx.log.info("handled", data));\n`;

/** A project with the function `mail`, whose files a test changes. */
async function setup() {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProjectWith({ "schemas/demo.ts": schema("z.int()"), "functions/mail.ts": fn() }));
  const all = scope.move();
  const env = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const start = (...args: string[]) => all.use(startWeir(project.path, args, env));
  const run = async (...args: string[]) => {
    const program = start(...args), { code } = await program.status;
    const warnings = program.lines.filter((line) => line.startsWith("warning: "));
    return { code, warnings, text: program.lines.join("\n") };
  };
  return {
    start,
    run,
    publish: async (count: number) => {
      const file = `${project.path}/events.ndjson`;
      await Deno.writeTextFile(file, Array.from({ length: count }, (_, n) => `{"n":${n}}`).join("\n"));
      assert.equal((await run("publish", "demo.asked", `@${file}`)).code, 0);
    },
    write: (file: string, text: string) => Deno.writeTextFile(`${project.path}/${file}`, text),
    rename: (from: string, to: string) => Deno.rename(`${project.path}/${from}`, `${project.path}/${to}`),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

Deno.test("plan warns of a schema that refuses waiting events, and plan --strict exits with 1", async () => {
  await using bench = await setup();
  assert.equal((await bench.run("apply")).code, 0);
  await bench.publish(2);
  assert.deepEqual((await bench.run("plan", "--strict")).warnings, []);
  await bench.write("schemas/demo.ts", schema("z.int().min(1)"));
  const plan = await bench.run("plan");
  assert.deepEqual([plan.code, plan.warnings.length], [0, 1], plan.text);
  assert.match(
    plan.warnings[0],
    /^warning: mail: 1 of 2 events that wait in DEMO do not match and become dead letters, `invalid`: .* DEMO 1 \(demo/,
  );
  const strict = await bench.run("plan", "--strict");
  assert.deepEqual([strict.code, strict.warnings], [1, plan.warnings]);
});

Deno.test("plan and start say that a renamed function handles stored events again, and `name` goes on without", async () => {
  await using bench = await setup();
  const first = bench.start("start");
  await first.waitForLog(({ message }) => message === "ready");
  await bench.publish(2);
  await first.waitForLog(({ message, n }) => message === "handled" && n === 1);
  first.kill("SIGTERM");
  assert.equal((await first.status).code, 0);

  await bench.rename("functions/mail.ts", "functions/mailOrder.ts");
  const text =
    "mailOrder is new, with the triggers of mail, which the project does not have: renamed? mailOrder begins with 2 stored events, " +
    "of which mail has handled about 2: they are handled again, and 0 wait for mail alone.";
  const plan = await bench.run("plan");
  assert.equal(plan.warnings.length, 1, plan.text);
  assert.ok(plan.warnings[0].startsWith(`warning: ${text}`), plan.warnings[0]);

  await bench.write("functions/mailOrder.ts", fn('name: "mail"'));
  const named = await bench.run("plan");
  assert.deepEqual([named.code, named.warnings], [0, []], named.text);

  await bench.write("functions/mailOrder.ts", fn());
  const next = bench.start("start");
  const warned = await next.waitForLog(({ level, message }) => level === "warn" && message.includes("renamed?"));
  assert.ok(warned.message.startsWith(text), warned.message);
  await next.waitForLog(({ message, n }) => message === "handled" && n === 1);
});

Deno.test("start begins a function with `from: new` after the stored events, and warns of those older than maxAge", async () => {
  await using bench = await setup();
  assert.equal((await bench.run("apply")).code, 0);
  await bench.publish(2);
  await bench.write("functions/later.ts", fn('from: "new"'));
  await bench.write("functions/tooLate.ts", fn('maxAge: "1ms"'));
  const plan = await bench.run("plan");
  assert.match(
    plan.text,
    /consumer later on stream DEMO: demo\.asked; starts with 0 stored events, and skips 2 older ones$/m,
  );
  const old = "tooLate: begins with 2 stored events of DEMO, of which 2 are older than its `maxAge` of 1ms";
  assert.ok(plan.warnings.some((line) => line.startsWith(`warning: ${old}`)), plan.text);

  const program = bench.start("start");
  await program.waitForLog(({ level, message }) => level === "warn" && message.startsWith(old));
  await program.waitForLog(({ message }) => message === "ready");
  assert.equal((await bench.run("publish", "demo.asked", '{"n":7}')).code, 0);
  await program.waitForLog(({ message, function: name }) => message === "handled" && name === "later");
  const handled = program.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter(({ n, function: name }) => n !== undefined && name === "later");
  assert.deepEqual(handled.map(({ n }) => n), [7]);
});
