import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const Row = defineEvent({ type: "rows.added", version: 1, data: z.object({ n: z.int() }) });

/** Publishes rows by plain NATS, so that they all wait before a function begins. */
async function publishRows(nc: NatsConnection, from: number, to: number): Promise<void> {
  const js = jetstream(nc);
  const acks = [];
  for (let n = from; n < to; n++) acks.push(js.publish("rows.added", JSON.stringify({ n })));
  await Promise.all(acks);
}

/** Starts a server with a stream for rows, which are published to it. */
async function waitingRows(count: number) {
  const server = await startServer(), nc = await connect({ servers: server.url });
  await (await jetstreamManager(nc)).streams.add({ name: "ROWS", subjects: ["rows.>"] });
  await publishRows(nc, 0, count);
  return { server, nc };
}

Deno.test("[G23] storeRows in batches of 100 makes dead letters of the poison rows alone, and retries no other", async () => {
  const COUNT = 2_000, isPoison = (n: number) => n % 100 === 42;
  const db = new DatabaseSync(":memory:");
  db.exec("create table rows (n integer primary key check (n % 100 <> 42))");
  const insert = db.prepare("insert into rows values (?)");
  let transactions = 0;
  const storeRows = defineFunction({
    on: Row,
    batch: { size: 100, maxWait: "500ms" },
    retry: { attempts: 3, initial: "10ms" },
  }, (events) => {
    transactions++;
    db.exec("begin");
    try {
      for (const { data } of events) insert.run(data.n);
      db.exec("commit");
    } catch (error) {
      db.exec("rollback");
      throw error;
    }
  });
  const { server, nc } = await waitingRows(COUNT);
  await using _server = server;
  await using runtime = await startTestRuntime({ functions: { storeRows }, server });
  await eventually(() => runtime.settled.filter(({ outcome }) => outcome.kind !== "retry").length === COUNT);
  const stored = db.prepare("select n from rows order by n").all().map(({ n }) => n as number);
  assert.deepEqual(stored, Array.from({ length: COUNT }, (_, n) => n).filter((n) => !isPoison(n)));
  const dead = runtime.settled.filter(({ outcome }) => outcome.kind === "dead-letter");
  const numberOf = ({ event }: (typeof dead)[number]) => (event.data as { n: number }).n;
  assert.deepEqual(
    dead.map(numberOf).sort((a, b) => a - b),
    Array.from({ length: COUNT / 100 }, (_, i) => i * 100 + 42),
  );
  const retried = runtime.settled.filter(({ outcome }) => outcome.kind === "retry");
  assert.ok(retried.every((entry) => isPoison(numberOf(entry))), "no good row was retried");
  assert.ok(transactions < COUNT / 2, `${transactions} transactions`);
  await nc.close();
});

const FILES = {
  "schemas/rows.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
export const Row = defineEvent({ type: "rows.added", version: 1, data: z.object({ n: z.int() }) });
export const Stored = defineEvent({ type: "rows.stored", version: 1, data: z.object({ n: z.int() }) });
`,
  "functions/storeRows.ts": `
import { DatabaseSync } from "node:sqlite";
import { defineFunction } from "weir";
import { Row, Stored } from "../schemas/rows.ts";

const db = new DatabaseSync(Deno.env.get("ROWS_DB")!, { timeout: 10_000 });
const insert = db.prepare("insert into inserted values (?, ?)");

export default defineFunction({ on: Row, emits: [Stored], batch: { size: 50, maxWait: "100ms" } }, async (events, ctx) => {
  db.exec("begin immediate");
  for (const { data } of events) insert.run(data.n, Deno.pid);
  db.exec("commit");
  await new Promise((resolve) => setTimeout(resolve, 20)); // so that a kill falls between the commit and the acks
  for (const event of events) ctx.emit(Stored, { n: event.data.n }, { cause: event });
});
`,
};

Deno.test("[G4] storeRows loses no row when its process is killed among batches, and repeats only what was not acked", async () => {
  const COUNT = 1_000, SIZE = 50;
  await using project = await copyProjectWith(FILES);
  const { server, nc } = await waitingRows(COUNT);
  await using _server = server;
  const path = `${project.path}/rows.db`, db = new DatabaseSync(path);
  db.exec("pragma journal_mode = wal; create table inserted (n integer, pid integer)");
  const inserted = () => db.prepare("select count(distinct n) as rows from inserted").get()!.rows as number;
  const env = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: server.url, ROWS_DB: path };
  const pids: number[] = [];
  for (const until of [150, 400]) {
    await using program = startWeir(project.path, ["start"], env);
    pids.push(program.pid);
    await eventually(() => inserted() >= until);
    program.kill("SIGKILL");
    await program.status;
  }
  await using _last = startWeir(project.path, ["start"], env);
  const jsm = await jetstreamManager(nc);
  await eventually(async () => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info("ROWS", "storeRows");
    return num_pending + num_ack_pending === 0;
  });
  assert.equal(inserted(), COUNT);
  const repeated = db.prepare("select n, count(*) as times from inserted group by n having times > 1").all();
  assert.ok(
    repeated.length <= 2 * 2 * SIZE,
    `${repeated.length} rows were handled twice: more than two processes held`,
  );
  const { state } = await jsm.streams.info("ROWS", { subjects_filter: "rows.stored" });
  assert.equal(state.subjects?.["rows.stored"], COUNT, "each row's event is stored once");
  await nc.close();
  db.close();
});
