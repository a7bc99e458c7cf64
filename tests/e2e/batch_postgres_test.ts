import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import postgres from "postgres";
import { defineEvent, defineFunction, defineResource } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { findPostgres, startPostgres } from "../support/postgres.ts";

const COUNT = 5_000, SIZE = 500;
const Row = defineEvent({ type: "rows.added", version: 1, data: z.object({ n: z.int() }) });
const isPoison = (n: number) => n % 100 === 42;

const programs = await findPostgres();

Deno.test({
  name:
    "storeRows in batches of 500 into PostgreSQL makes dead letters of the poison rows alone, also if the database restarts",
  ignore: programs === undefined,
  fn: async () => {
    await using database = await startPostgres(programs!);
    const open = () => postgres(database.url, { max: 2, backoff: () => 0.1, onnotice: () => {} });
    const own = open();
    await own`create table rows (n int primary key check (n % 100 <> 42))`;
    await own.end();
    const db = defineResource({
      name: "db",
      open: () => Promise.resolve(open()),
      check: (sql) => sql`select 1`,
      close: (sql) => sql.end({ timeout: 1 }),
    });
    let stored = 0;
    const storeRows = defineFunction({
      on: Row,
      needs: [db],
      batch: { size: SIZE },
      retry: { attempts: 3, initial: "10ms" },
    }, async (events, ctx) => {
      const rows = events.map(({ data: { n } }) => ({ n }));
      const sql = ctx.use(db);
      await sql`insert into rows ${sql(rows)} on conflict do nothing`; // the answer to a commit may be lost
      stored += rows.length;
    });

    await using server = await startServer();
    const nc = await connect({ servers: server.url });
    await (await jetstreamManager(nc)).streams.add({ name: "ROWS", subjects: ["rows.>"] });
    const js = jetstream(nc), acks = [];
    for (let n = 0; n < COUNT; n++) acks.push(js.publish("rows.added", JSON.stringify({ n })));
    await Promise.all(acks);
    await nc.close();

    await using runtime = await startTestRuntime({ functions: { storeRows }, server });
    await eventually(() => stored > COUNT / 4);
    await database.stop();
    await database.start();
    await eventually(() => runtime.settled.filter(({ outcome }) => outcome.kind !== "retry").length >= COUNT);

    const numberOf = ({ event }: (typeof runtime.settled)[number]) => (event.data as { n: number }).n;
    const dead = runtime.settled.filter(({ outcome }) => outcome.kind === "dead-letter").map(numberOf);
    const all = Array.from({ length: COUNT }, (_, n) => n);
    assert.deepEqual(dead.sort((a, b) => a - b), all.filter(isPoison));
    const sql = open();
    const found = (await sql`select n from rows order by n`).map(({ n }) => n as number);
    await sql.end();
    assert.deepEqual(found, all.filter((n) => !isPoison(n)));
  },
});
