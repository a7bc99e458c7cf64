import { jetstream } from "@nats-io/jetstream";
import assert from "node:assert/strict";
import { startBroker } from "../support/nats.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";
import { eventually } from "../support/eventually.ts";

const FILES = {
  "schemas/legacy.ts": `
    import { defineEvent } from "weir";
    import { z } from "zod";
    export const Told = defineEvent({
      type: "legacy.told", version: 1, data: z.object({ n: z.int() }), stream: "LEGACY",
    });
    export const Copied = defineEvent({ type: "legacy.copied", version: 1, data: z.undefined(), stream: "COPY" });
  `,
  "functions/listen.ts": `
    import { defineFunction } from "weir";
    import { Told } from "../schemas/legacy.ts";
    export default defineFunction({ on: Told }, ({ data }, ctx) => ctx.log.info(\`told \${data.n}\`));
  `,
  "functions/archive.ts": `
    import { defineFunction } from "weir";
    export default defineFunction(
      { on: { pattern: "legacy.>", stream: "COPY" }, decode: "bytes" },
      ({ data }, ctx) => ctx.log.info(\`archived \${data.length}\`),
    );
  `,
};

/** Starts a server with a stream of another owner and its mirror, and a project that uses both. */
async function setup() {
  const broker = await startBroker(), project = await copyProjectWith(FILES);
  broker.defer(() => project[Symbol.asyncDispose]());
  await broker.jsm.streams.add({ name: "LEGACY", subjects: ["legacy.>"], max_msgs: 1_000 });
  await broker.jsm.streams.add({ name: "COPY", mirror: { name: "LEGACY" } });
  const env = { NATS_URL: broker.server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const start = (...args: string[]) => startWeir(project.path, args, env);
  const run = async (...args: string[]) => {
    await using program = start(...args);
    const { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };
  const configs = () =>
    Promise.all(["LEGACY", "COPY"].map(async (name) => {
      const { config, created } = await broker.jsm.streams.info(name);
      return { config, created };
    }));
  return { ...broker, path: project.path, start, run, configs, js: jetstream(broker.nc) };
}

Deno.test("plan, apply, start, functions, publish and doctor take streams of another owner as they are", async () => {
  await using legacy = await setup();
  const before = await legacy.configs();
  await legacy.js.publish("legacy.told", '{"n":1}');

  const planned = await legacy.run("plan");
  assert.equal(planned.code, 2, planned.text);
  assert.match(planned.text, /\+ consumer listen on stream LEGACY: legacy\.told; starts with 1 stored event/);
  assert.match(planned.text, /\+ consumer archive on stream COPY: legacy\.>; starts with 1 stored event/);
  assert.doesNotMatch(planned.text, /stream (LEGACY|COPY)$/m);

  const applied = await legacy.run("apply");
  assert.equal(applied.code, 0, applied.text);
  assert.deepEqual((await legacy.run("plan")).code, 0);
  {
    await using running = legacy.start("start");
    await running.waitForLog(({ message }) => message === "told 1");
    await running.waitForLog(({ message }) => message === "archived 7");
    const published = await legacy.run("publish", "legacy.told", '{"n":2}');
    assert.equal(published.code, 0, published.text);
    await running.waitForLog(({ message }) => message === "told 2");
    running.kill("SIGTERM");
    assert.equal((await running.status).code, 0);
  }
  const refused = await legacy.run("publish", "legacy.copied", "--sample", "1");
  assert.equal(refused.code, 1, refused.text);
  assert.match(refused.text, /"legacy\.copied" cannot be published into stream COPY, which mirrors LEGACY/);

  const shown = await legacy.run("functions", "archive", "--json");
  assert.match(shown.text, /"decode": "bytes"/);
  const doctor = await legacy.run("doctor", "--json");
  assert.doesNotMatch(doctor.text, /"(accepts-events|foreign-streams|discard-old|filters|unpublished-events)"/);

  await Deno.remove(`${legacy.path}/functions/archive.ts`);
  const pruned = await legacy.run("apply", "--prune");
  assert.equal(pruned.code, 0, pruned.text);
  assert.equal((await legacy.jsm.streams.info("COPY")).state.consumer_count, 0);
  assert.deepEqual(await legacy.configs(), before);
});

Deno.test("start --no-apply, plan and doctor name a stream of another owner that is missing or lacks the subjects", async () => {
  await using legacy = await setup();
  await legacy.jsm.streams.delete("COPY");
  await legacy.jsm.streams.update("LEGACY", { subjects: ["other.>"] });
  const missing = /stream COPY does not exist, and Weir does not own it \(`stream: "COPY"`\)/;
  const lacking = /its stream stores other\.>, and not legacy\.told: correct the trigger/;
  for (const args of [["plan"], ["start", "--no-apply"], ["doctor"]]) {
    const { code, text } = await legacy.run(...args);
    assert.equal(code, 1, text);
    for (const problem of [missing, lacking]) {
      assert.match(text.replaceAll(/\s+/g, " ").replaceAll('\\"', '"'), problem);
    }
  }
  assert.deepEqual(await Array.fromAsync(legacy.jsm.streams.names()), ["LEGACY"]);
});

Deno.test("/health/ready names a stream of another owner that is deleted, and is ready once it is back", async () => {
  await using legacy = await setup();
  await using running = legacy.start("start");
  const { url } = await running.waitForLog(({ message }) => message === "ready");
  const ready = async () => await (await fetch(`${url}/health/ready`)).text();
  await eventually(async () => /"status":"OK"/.test(await ready()));
  await legacy.jsm.streams.delete("COPY");
  await eventually(async () => /stream COPY does not exist/.test(await ready()));
  await legacy.jsm.streams.add({ name: "COPY", mirror: { name: "LEGACY" } });
  await eventually(async () => /"status":"OK"/.test(await ready()));
  await legacy.js.publish("legacy.told", '{"n":3}');
  await running.waitForLog(({ message }) => message === "archived 7");
});
