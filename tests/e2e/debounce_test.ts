import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";

const Saved = defineEvent({ type: "docs.saved", version: 1, data: z.object({ doc: z.string(), n: z.int() }) });

Deno.test("debounce handles the last event of each key over two replicas, and a retry of it does not wait again", async () => {
  await using server = await startServer();
  const ran: string[] = [];
  const define = () =>
    defineFunction({
      on: Saved,
      retry: { initial: "1ms" },
      debounce: { by: ({ data }) => data.doc, quiet: "3s" },
    }, ({ data: { doc, n } }, { attempt }) => {
      ran.push(`${doc}${n} ${attempt}`);
      if (doc === "b" && attempt === 1) throw new Error("once");
    });
  await using first = await startTestRuntime({ functions: { save: define() }, server });
  await using second = await startTestRuntime({ functions: { save: define() }, server });
  for (let n = 1; n <= 20; n++) await Promise.all(["a", "b"].map((doc) => first.publish(Saved, { doc, n })));
  // A loaded machine may take longer than `quiet` between two events: then the earlier one is handled as well.
  await eventually(() => ["a20 1", "b20 1", "b20 2"].every((run) => ran.includes(run)));
  const acked = (skipped: string | undefined) =>
    [...first.settled, ...second.settled].filter(({ outcome }) =>
      outcome.kind === "ack" && outcome.skipped === skipped
    );
  assert.equal(acked("debounced").length, 40);
  await eventually(() => acked(undefined).length === new Set(ran.map((run) => run.split(" ")[0])).size);
});

Deno.test("debounce is waited for by publishAndSettle with waitForRetries", async () => {
  const save = defineFunction({ on: Saved, debounce: { quiet: "1s" } }, () => {});
  await using runtime = await startTestRuntime({ functions: { save } });
  const { settled } = await runtime.publishAndSettle(Saved, { doc: "a", n: 1 }, { waitForRetries: true });
  assert.deepEqual(settled.map(({ outcome }) => outcome), [{ kind: "ack", skipped: "debounced" }, { kind: "ack" }]);
});

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Saved = defineEvent({ type: "docs.saved", version: 1, data: z.object({ doc: z.int(), n: z.int() }) });
`;
const FUNCTION = `
import { defineFunction } from "weir";
import { Saved } from "../schemas/docs.ts";
const debounce = { by: ({ data }: { data: { doc: number } }) => String(data.doc), quiet: "5s" } as const;
export default defineFunction({ on: Saved, debounce }, ({ data }, { log }) => log.info("saved", data));
`;

Deno.test("[G4] debounce handles the last event of each key when the only process is killed meanwhile", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/docs.ts": SCHEMA, "functions/save.ts": FUNCTION });
  const start = () => startReadyWeir(project.path, server.url);
  await using killed = await start();
  const nc = await connectNats({ servers: [server.url], name: "test" });
  const js = (await jetstreamManager(nc)).jetstream();
  for (let n = 1; n <= 3; n++) {
    await Promise.all(
      Array.from({ length: 100 }, (_, doc) => js.publish("docs.saved", JSON.stringify({ doc, n }))),
    );
  }
  await nc.close();
  await killed.waitForLog(({ skipped }) => skipped === "debounced");
  killed.kill("SIGKILL");
  await killed.status;
  await using other = await start();
  const last = () =>
    new Set(
      [...killed.lines, ...other.lines].filter((line) => line.includes('"saved"')).map((line) => JSON.parse(line))
        .filter(({ message, n }) => message === "saved" && n === 3).map(({ doc }) => doc),
    );
  await eventually(() => last().size === 100);
});
