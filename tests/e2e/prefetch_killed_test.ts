import assert from "node:assert/strict";
import { freePorts } from "../support/ports.ts";
import { startBroker } from "../support/nats.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** A function that handles 300 events at once, and in a process with `HANGS` waits for ever from then on. */
const WORK = `
import { defineFunction } from "weir";
export default defineFunction({ on: "work.asked" }, async (event, { attempt, log }) => {
  const { n } = event.data as { n: number };
  log.info("begun", { n, attempt });
  if (n >= 300 && Deno.env.get("HANGS")) await new Promise(() => {});
});
`;
const EVENTS = 500;

Deno.test("[G17][G18] start handles after a kill -9 what another process had pulled ahead, as a first attempt", async () => {
  await using broker = await startBroker();
  await using project = await copyProjectWith({ "functions/work.ts": WORK });
  await broker.jsm.streams.add({ name: "WORK", subjects: ["work.>"] });
  for (let n = 0; n < EVENTS; n++) broker.nc.publish("work.asked", JSON.stringify({ n }));
  await broker.nc.flush();
  const start = (env: Record<string, string>) =>
    startWeir(project.path, ["start"], {
      ...freePorts("PORT", "ADMIN_PORT"),
      HOST: "127.0.0.1",
      NATS_URL: broker.server.url,
      ...env,
    });
  await using first = start({ HANGS: "1" });
  await first.waitForLog(({ message, n }) => message === "begun" && Number(n) >= 300);
  first.kill("SIGKILL");
  await first.status;
  const before = begun(first.lines);
  await using second = start({});
  const left = new Set(Array.from({ length: EVENTS }, (_, n) => n));
  await second.waitForLog(({ message, n }) => {
    if (message === "begun") left.delete(Number(n));
    return [...left].every((n) => before.has(n) && n < 300);
  });
  const after = begun(second.lines), waited = [...after].filter(([n]) => !before.has(n));
  assert.ok(waited.length > 0);
  assert.deepEqual(waited.filter(([, attempt]) => attempt !== 1), []);
});

/** Returns the attempt in which each event last began. */
function begun(lines: readonly string[]): Map<number, number> {
  return new Map(
    lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
      .filter(({ message }) => message === "begun").map(({ n, attempt }) => [n, attempt]),
  );
}
