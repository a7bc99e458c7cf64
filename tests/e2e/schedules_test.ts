import assert from "node:assert/strict";
import { cron, defineEvent, defineFunction, every, type Tick, type WeirEvent } from "weir";
import { assertAcked, invoke, startTestRuntime } from "weir/testing";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { readStored } from "../../runtime/nats/inspect/read_stored.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FUNCTION = `
import { defineFunction, every } from "weir";
export default defineFunction({ on: every("1s", { catchUp: "all" }) }, async ({ data, id, time }, ctx) => {
  if (time !== data.scheduledAt) throw new Error("its time is another");
  await fetch(Deno.env.get("LEDGER")!, { method: "POST", body: id, signal: ctx.signal });
});
`;

/** Returns the ticks that a stream holds, as seconds since 1970. */
async function storedTicks(url: string, subject: string): Promise<number[]> {
  const nc = await connect({ servers: url });
  try {
    const messages = await Array.fromAsync(readStored(await jetstreamManager(nc), "SCHEDULES", subject));
    return messages.map((message) => Date.parse(message.json<Tick>().scheduledAt) / 1_000);
  } finally {
    await nc.close();
  }
}

Deno.test("[G10] start publishes and handles each tick of every(1s) once, with three processes that are killed in turn", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "functions/tick.ts": FUNCTION });
  const handled: string[] = [];
  await using ledger = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    handled.push(await request.text());
    return new Response();
  });
  const env = {
    ...{ PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url, WEIR_FUNCTIONS: "tick" },
    LEDGER: `http://127.0.0.1:${ledger.addr.port}`,
  };
  const start = async () => {
    const program = startWeir(project.path, ["start"], env);
    await program.waitForLog(({ message }) => message === "ready");
    return program;
  };
  await using processes = new AsyncDisposableStack();
  const running = [];
  for (let i = 0; i < 3; i++) running.push(processes.use(await start()));
  for (const [i, program] of running.entries()) {
    await eventually(() => handled.length >= 2 * (i + 1));
    program.kill("SIGKILL");
    await program.status;
    if (i > 0) processes.use(await start()); // between the first two kills only one process is left
  }
  const before = new Set(handled).size;
  await eventually(() => new Set(handled).size >= before + 3);

  const ticks = await storedTicks(server.url, "schedules.tick.every-1s");
  assert.deepEqual(ticks, Array.from(ticks, (_, at) => ticks[0] + at), "one tick a second, in order");
  // A handler runs again only for a process that died before its ack arrived.
  const known = new Set(ticks.map((second) => `every-1s/${new Date(second * 1_000).toISOString()}`));
  await eventually(() => known.isSubsetOf(new Set(handled)));
  console.log(`${ticks.length} ticks, ${handled.length - new Set(handled).size} handled again after a kill`);
});

const Woken = defineEvent({ type: "demo.woken", version: 1, data: z.object({ at: z.string() }) });

Deno.test("every delivers typed ticks with the retries and emits of any event, and goes on after a restart", async () => {
  await using server = await startServer();
  const received: WeirEvent<string, Tick>[] = [], attempts: number[] = [];
  const wake = defineFunction({ on: every("1s", { catchUp: "none" }), emits: [Woken] }, (event, ctx) => {
    attempts.push(ctx.attempt);
    if (attempts.length === 1) throw new Error("not yet");
    received.push(event);
    ctx.emit(Woken, { at: event.data.scheduledAt });
  });
  {
    await using runtime = await startTestRuntime({ functions: { wake }, server });
    await eventually(() => received.length >= 2 && attempts.includes(2));
    const [{ id, type, source, time, data }] = received;
    assert.deepEqual({ id, type, source, data }, {
      ...{ id: `every-1s/${time}`, type: "schedules.wake.every-1s", source: "/schedules/wake" },
      data: { scheduledAt: time, schedule: "every 1s" },
    });
    await runtime.waitForEvent(Woken, ({ at }) => at === time);
    const [status] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
    assert.equal(status.schedules[0].schedule, "every 1s");
  }
  const before = received.length;
  await using _ = await startTestRuntime({ functions: { wake }, server });
  await eventually(() => received.length > before);
  const ticks = await storedTicks(server.url, "schedules.wake.every-1s");
  assert.deepEqual(ticks, [...new Set(ticks)].sort((a, b) => a - b));
});

Deno.test("cron catches up the last missed tick after the processes were away, and none without catchUp", async () => {
  await using server = await startServer();
  const handled: string[] = [];
  const minutely = cron("* * * * *"), none = cron("* * * * *", { catchUp: "none" });
  const functions = {
    report: defineFunction({ on: minutely }, ({ data }) => void handled.push(`report ${data.scheduledAt}`)),
    poll: defineFunction({ on: none }, ({ data }) => void handled.push(`poll ${data.scheduledAt}`)),
  };
  const begun = async () => {
    const nc = await connect({ servers: server.url }), jsm = await jetstreamManager(nc);
    const { state } = await jsm.streams.info("SCHEDULES", { subjects_filter: "schedules.*.*.begun" });
    return { nc, jsm, subjects: Object.keys(state.subjects ?? {}) };
  };
  {
    await using _ = await startTestRuntime({ functions, server });
    await eventually(async () => {
      const { nc, subjects } = await begun();
      await nc.close();
      return subjects.length === 2;
    });
  }
  // As if they had begun two hours ago.
  const { nc, jsm, subjects } = await begun();
  await jsm.streams.purge("SCHEDULES");
  for (const subject of subjects) {
    const hdrs = headers();
    hdrs.set("ce-time", new Date(Date.now() - 2 * 3_600_000 - 30_000).toISOString());
    await nc.request(subject, "", { headers: hdrs, timeout: 5_000 });
  }
  await nc.close();
  const startedMs = Date.now();
  await using _ = await startTestRuntime({ functions, server });
  await eventually(() => handled.some((one) => one.startsWith("report")));
  const times = (name: string) =>
    handled.filter((one) => one.startsWith(name)).map((one) => Date.parse(one.split(" ")[1]));
  const [first, ...later] = times("report");
  assert.ok(first > startedMs - 70_000, "the newest of 120");
  // A minute may begin while the test runs.
  assert.deepEqual([...later, ...times("poll")].filter((ms) => ms < startedMs - 20_000), []);
});

Deno.test("every and ctx.emit with a delay stay within the project's namespace", async () => {
  await using server = await startServer();
  const woken: string[] = [];
  const wake = defineFunction({ on: every("1s"), emits: [Woken] }, ({ data: { scheduledAt } }, ctx) => {
    ctx.emit(Woken, { at: scheduledAt }, { delay: "1s" });
  });
  const note = defineFunction({ on: Woken }, ({ data }) => void woken.push(data.at));
  const start = (namespace: string) =>
    startTestRuntime({ functions: { wake, note }, server, env: { WEIR_NAMESPACE: namespace } });
  await using _one = await start("one");
  await using _two = await start("two");
  await eventually(() => woken.length >= 4);
  const nc = await connect({ servers: server.url }), jsm = await jetstreamManager(nc);
  const names = await Array.fromAsync(jsm.streams.names());
  assert.ok(names.includes("one_SCHEDULES") && names.includes("two_SCHEDULES"), names.join(", "));
  const { state } = await jsm.streams.info("one_SCHEDULES", { subjects_filter: ">" });
  assert.deepEqual(Object.keys(state.subjects ?? {}).sort(), [
    "one.schedules.wake.every-1s",
    "one.schedules.wake.every-1s.begun",
  ]);
  await nc.close();
});

Deno.test("invoke gives a function of a schedule its tick", async () => {
  const daily = defineFunction(
    { on: cron("0 8 * * *") },
    ({ data, type }, { log }) => log.info(data.scheduledAt, { type }),
  );
  const result = await invoke(daily, { scheduledAt: "2026-03-29T08:00:00.000Z" });
  assertAcked(result);
  assert.equal(result.logs[0].message, "2026-03-29T08:00:00.000Z");
  assert.match(String(result.logs[0].type), /^schedules\.testedFunction\.cron-[0-9a-f]{12}$/);
});

Deno.test("plan shows the next ticks of schedules, and refuses a malformed one with what to do", async () => {
  await using server = await startServer();
  const daily = `import { cron, defineFunction } from "weir";
export default defineFunction({ on: cron("0 8 * * *", { timezone: "Europe/Berlin" }) }, () => {});`;
  await using project = await copyProjectWith({ "functions/daily.ts": daily });
  const weir = commandRunner(project.path, server.url);
  const { text } = await weir("plan");
  assert.match(text, /next ticks:\n {2}daily {2}0 8 \* \* \* \(Europe\/Berlin\): \d{4}-\d\d-\d\dT0[67]:00:00Z, /);
  assert.match(text, /stream SCHEDULES/);
  const shown = await weir("functions", "daily");
  assert.match(shown.text, /0 8 \* \* \* \(Europe\/Berlin\), catchUp last/);
  await Deno.writeTextFile(`${project.path}/functions/daily.ts`, daily.replace("Europe/Berlin", "Europe/Bärlin"));
  const refused = await weir("plan");
  assert.equal(refused.code, 1);
  assert.match(
    refused.text,
    /functions\/daily\.ts: cron\("0 8 \* \* \*"\): "Europe\/Bärlin" is no time zone: give an IANA/,
  );
});
