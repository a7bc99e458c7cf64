import assert from "node:assert/strict";
import postgres from "postgres";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { findPostgres, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** Name under which the project's pools connect, and the key of the lock that a slow handler waits for. */
const APPLICATION = "shop", LOCK = 7;

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Placed = defineEvent({
  type: "orders.placed",
  version: 1,
  data: z.object({ n: z.int(), slow: z.boolean().default(false) }),
  ingress: {},
});
`;
const DB = `
import { defineConfig, defineResource } from "weir";
import postgres from "postgres";
import { z } from "zod";

export const config = defineConfig(z.object({
  DATABASE_URL: z.url().meta({ secret: true }).describe("database of the orders"),
  DATABASE_POOL: z.coerce.number().default(1), // so that a pool has one connection, however often it is used
}));

export const db = defineResource({
  name: "db",
  open: async () => {
    const connection = { application_name: "${APPLICATION}" };
    const { DATABASE_URL, DATABASE_POOL: max } = config.get();
    const sql = postgres(DATABASE_URL, { max, backoff: () => 0.2, connection, onnotice: () => {} });
    await sql\`create table if not exists orders (n int, attempt int)\`;
    return sql;
  },
  close: (sql) => sql.end({ timeout: 1 }),
  check: (sql) => sql\`select 1\`,
  timeout: "15s",
});
`;
const store = (version = "1") => `
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
import { db } from "./_db.ts";

export default defineFunction({ on: Placed, needs: [db] }, async ({ data: { n, slow } }, ctx) => {
  const sql = ctx.use(db);
  if (slow) {
    ctx.log.info("waits", { n });
    await sql\`select pg_advisory_xact_lock(${LOCK})\`;
  }
  await sql\`insert into orders values (\${n}, \${ctx.attempt})\`;
  ctx.log.info("stored", { n, version: "${version}" });
});
`;
const FILES = { "schemas/orders.ts": SCHEMA, "functions/_db.ts": DB, "functions/storeOrder.ts": store() };

const programs = await findPostgres();

/** A project with a database, and its processes. */
async function shop(database: PostgresServer, files: Record<string, string> = FILES) {
  const project = await copyProjectWith(files), server = await startServer();
  const sql = postgres(database.url, { max: 2, onnotice: () => {}, connection: { application_name: "test" } });
  await sql`drop table if exists orders`;
  const ports = freePorts("PORT", "ADMIN_PORT"), url = `http://127.0.0.1:${ports.PORT}`;
  const started: Program[] = [];
  const env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, DATABASE_URL: database.url };
  return {
    project,
    sql,
    run: (args: readonly string[], variables: Record<string, string> = {}) => {
      const program = startWeir(project.path, args, { ...env, ...variables });
      started.push(program);
      return program;
    },
    publish: async (n: number, slow = false) => {
      const headers = { "content-type": "application/json" }, body = JSON.stringify({ n, slow });
      const response = await fetch(`${url}/events/orders.placed`, { method: "POST", headers, body });
      assert.equal(response.status, 202, await response.text());
    },
    ready: async () => {
      const response = await fetch(`${url}/health/ready`), { checks } = await response.json();
      return { status: response.status, db: checks.db as { status: string; error?: string } | undefined };
    },
    pending: async () => {
      const functions = await (await fetch(`http://127.0.0.1:${ports.ADMIN_PORT}/functions`)).json();
      return functions[0].pending as number;
    },
    [Symbol.asyncDispose]: async () => {
      for (const program of started) await program[Symbol.asyncDispose]();
      await sql.end({ timeout: 1 });
      await server.stop();
      await project[Symbol.asyncDispose]();
    },
  };
}

const isReady = ({ message }: { message: string }) => message === "ready";

Deno.test({
  name: "defineResource with PostgreSQL",
  ignore: programs === undefined,
  fn: async (t) => {
    await using database = await startPostgres(programs!);
    const gone = () => eventually(async () => await database.connections(APPLICATION) === 0);

    await t.step("start opens a pool once, pauses pulling while its check fails, and goes on after", async () => {
      await using weir = await shop(database);
      const process = weir.run(["start"], { DATABASE_POOL: "4" });
      await process.waitForLog(isReady);
      for (let n = 0; n < 20; n++) await weir.publish(n);
      await eventually(async () => (await weir.sql`select distinct n from orders`).length === 20);
      assert.equal(process.lines.filter((line) => line.includes('"resource opened"')).length, 1);
      const open = await database.connections(APPLICATION);
      assert.ok(open >= 1 && open <= 4, `${open} connections`);
      assert.deepEqual(await weir.ready(), { status: 200, db: { status: "OK" } });

      await database.stop();
      const red = await eventually(async () => {
        const ready = await weir.ready();
        return ready.db?.status === "Unhealthy" ? ready : undefined;
      });
      assert.equal(red.status, 503);
      assert.ok(!red.db?.error?.includes(database.password));
      await process.waitForLog(({ message, resource }) =>
        message.includes("check of a resource fails") && resource === "db"
      );
      let n = 100;
      await eventually(async () => {
        await weir.publish(n++);
        return await weir.pending() > 0; // no pull of before is left that could deliver
      }, { every: 100 });
      for (const end = n + 20; n < end; n++) await weir.publish(n);
      assert.ok(await weir.pending() >= 20);

      await database.start();
      await process.waitForLog(({ message }) => message.includes("check of a resource passes again"));
      await eventually(async () => (await weir.sql`select distinct n from orders where n >= 100`).length === n - 100);
      const later = await weir.sql<{ attempt: number }[]>`select distinct attempt from orders where n >= 100`;
      assert.deepEqual(later.map(({ attempt }) => attempt), [1]);
      await eventually(async () => (await weir.ready()).status === 200);
      process.kill("SIGTERM");
      assert.equal((await process.status).code, 0);
      assert.ok(process.lines.every((line) => !line.includes(database.password)), "a line shows the password");
      await gone();
    });

    await t.step("start --no-apply closes the pool at SIGTERM, after the last handler; apply opens none", async () => {
      await using weir = await shop(database);
      const apply = weir.run(["apply"], { DATABASE_URL: "" });
      assert.equal((await apply.status).code, 0, apply.lines.join("\n"));
      const process = weir.run(["start", "--no-apply"], { DATABASE_POOL: "4" });
      await process.waitForLog(isReady);
      await using lock = await weir.sql.reserve().then((held) => ({
        held,
        [Symbol.asyncDispose]: () => Promise.resolve(held.release()),
      }));
      await lock.held`select pg_advisory_lock(${LOCK})`;
      await weir.publish(1, true);
      await process.waitForLog(({ message }) => message === "waits");
      process.kill("SIGTERM");
      await process.waitForLog(({ message }) => message === "shutting down");
      await lock.held`select pg_advisory_unlock(${LOCK})`;
      assert.equal((await process.status).code, 0);
      const at = (message: string) => process.lines.findIndex((line) => line.includes(`"message":"${message}"`));
      assert.ok(at("stored") > at("shutting down") && at("resource closed") > at("stored"), process.lines.join("\n"));
      await gone();
    });

    await t.step("start with two workers opens a pool in each, and closes both", async () => {
      await using weir = await shop(database);
      const process = weir.run(["start"], { WEIR_WORKERS: "2" });
      await process.waitForLog(isReady);
      assert.equal(await database.connections(APPLICATION), 2);
      process.kill("SIGTERM");
      assert.equal((await process.status).code, 0, process.lines.join("\n"));
      await gone();
    });

    await t.step("start names every resource that cannot be opened, exits 1 and changes nothing in NATS", async () => {
      const queue = `
import { defineResource } from "weir";
export const queue = defineResource({ name: "queue", open: () => Promise.reject(new Error("no queue")), timeout: "5s" });
`;
      await using weir = await shop(database, { ...FILES, "functions/_queue.ts": queue });
      const wrong = database.url.replace(database.password, "wrong-password");
      const process = weir.run(["start"], { DATABASE_URL: wrong });
      assert.equal((await process.status).code, 1);
      const line = JSON.parse(process.lines.find((line) => line.includes("cannot start"))!);
      assert.match(line.message, /^cannot start: 2 problems/);
      assert.match(
        line.problems[0],
        /^functions\/_db\.ts: resource db could not be opened: password authentication failed/,
      );
      assert.equal(line.problems[1], "functions/_queue.ts: resource queue could not be opened: no queue");
      assert.ok(process.lines.every((line) => !line.includes("wrong-password")));
      const plan = weir.run(["plan"]);
      assert.equal((await plan.status).code, 2, "the start has made streams or consumers");
      await gone();
    });

    await t.step("dev keeps one pool through saves", async () => {
      await using weir = await shop(database);
      const dev = weir.run(["dev"], { LOG_LEVEL: "info" });
      await dev.waitForLine(/^Weir is up in/);
      for (let save = 2; save < 5; save++) {
        const from = dev.lines.length;
        await Deno.writeTextFile(`${weir.project.path}/functions/storeOrder.ts`, store(String(save)));
        await dev.waitForLine(/storeOrder\.ts: live/, from);
        await eventually(async () => await database.connections(APPLICATION) === 1);
      }
      const from = dev.lines.length;
      await weir.publish(1);
      await dev.waitForLine(/"message":"stored".*"version":"4"/, from);
      dev.kill("SIGTERM");
      await dev.status;
      await gone();
    });
  },
});
