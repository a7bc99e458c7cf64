import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("retries cancel cancels a delayed retry, and lists missing ones in JSON", async () => {
  const waits = defineFunction({ on: Asked }, () => {
    throw new RetryAfterError("1h");
  });
  await using project = await copyProject();
  await using runtime = await startTestRuntime({ functions: { waits } });
  await runtime.publish(Asked, { n: 1 });
  const delayed = async () => await (await fetch(`${runtime.adminUrl}/retries`)).json() as { sequence: number }[];
  const [{ sequence }] = await eventually(async () => {
    const all = await delayed();
    return all.length === 1 ? all : undefined;
  });
  await using program = startWeir(project.path, ["retries", "cancel", String(sequence), "77", "--json"], {
    NATS_URL: runtime.server.url,
    NO_COLOR: "1",
  });
  assert.equal((await program.status).code, 1);
  const text = program.lines.join("\n");
  assert.match(text, /"cancelled": 1,\s+"missing": \[\s+77\s+\]/);
  assert.match(text, /weir: there is no delayed retry or event 77 \(any more\)/);
  assert.deepEqual(await delayed(), []);
  await using none = startWeir(project.path, ["retries", "cancel", "77"], {
    NATS_URL: runtime.server.url,
    NO_COLOR: "1",
  });
  assert.equal((await none.status).code, 1);
  assert.deepEqual(none.lines, ["weir: there is no delayed retry or event 77 (any more)"]);
});
