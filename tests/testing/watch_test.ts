import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { assertIdempotent, crashPoints, watch } from "weir/testing";
import { z } from "zod";
import { Rows, startBank, Table } from "./outside.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("watch and the `watch` option make the methods of an object crash points", async () => {
  let table = new Table();
  const insert = defineFunction({ on: Asked }, async () => {
    if (table.count() < 5) await table.insert("row");
  });
  const expected = ["after rows.insert('row')", "before the ack"];
  const world = (rows: Table) => rows.count();
  const byProxy = await crashPoints(insert, { n: 1 }, { setup: () => table = watch(new Table(), "rows"), world });
  assert.deepEqual(byProxy.findings.map(({ at }) => at), expected);

  const imported = table = new Table();
  const setup = () => imported.clear();
  const inPlace = await crashPoints(insert, { n: 1 }, {
    watch: { rows: imported },
    setup,
    world: () => imported.count(),
  });
  assert.deepEqual(inPlace.findings.map(({ at }) => at), expected);
  assert.deepEqual(Object.getOwnPropertyNames(imported), []);
});

/** A client in the manner of node-postgres: it keeps the class of its promises, and its methods return such. */
class Pool {
  readonly rows: string[] = [];
  readonly Promise = Promise;
  insert(row: string): Promise<void> {
    return new this.Promise<void>((resolve) => queueMicrotask(() => resolve(void this.rows.push(row))));
  }
  ready(): Promise<void> {
    return this.Promise.resolve();
  }
}

for (const how of ["watch", "the `watch` option"]) {
  Deno.test(`${how} leaves a class that a client holds as it is`, async () => {
    let pool = new Pool();
    const insert = defineFunction({ on: Asked }, async () => {
      await pool.ready();
      await pool.insert("row");
    });
    const byProxy = how === "watch";
    const { outcome, findings } = await crashPoints(insert, { n: 1 }, {
      ...(!byProxy && { watch: { pool } }),
      setup: () => byProxy ? pool = watch(new Pool()) : (pool.rows.length = 0, pool),
      world: () => [...pool.rows],
    });
    assert.equal(outcome.kind, "ack");
    assert.match(findings.map(({ at }) => at).join(), /after (Pool|pool)\.insert\('row'\)/);
  });
}

/** A client in the manner of postgres.js: a function for templates, with methods. */
function sqlClient() {
  const rows: string[] = [];
  const sql = async (_text: TemplateStringsArray, ...values: string[]) => {
    await Promise.resolve();
    rows.push(...values);
    return rows.length;
  };
  return Object.assign(sql, { rows, unsafe: async (text: string) => await Promise.resolve(void rows.push(text)) });
}

Deno.test("watch makes the calls of a function and of its methods crash points", async () => {
  let sql = sqlClient();
  const insert = defineFunction({ on: Asked }, async () => {
    await sql`INSERT ${"row"}`;
    await sql.unsafe("DELETE");
  });
  const setup = () => sql = watch(sqlClient(), "sql");
  const { outcome, points } = await crashPoints(insert, { n: 1 }, { setup, world: ({ rows }) => [...rows] });
  assert.equal(outcome.kind, "ack");
  const names = points.map(({ at }) => at).join("\n");
  assert.match(names, /^before sql\(\[ 'INSERT ', '' \], 'row'\)$/m);
  assert.match(names, /^after sql\.unsafe\('DELETE'\)$/m);
});

Deno.test("the `watch` option refuses a function, whose calls it cannot see", async () => {
  const fn = defineFunction({ on: Asked }, () => {});
  await assert.rejects(
    crashPoints(fn, { n: 1 }, { watch: { sql: sqlClient() } }),
    /watch: sql cannot be patched in place: give the function watch\(sql\) instead/,
  );
});

Deno.test("watch shows that a pending call of a dead process takes effect, and a later one does not", async () => {
  const done: string[] = [];
  let waits = 0;
  const outside = watch({
    work: async (name: string) => {
      if (waits++ === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      done.push(name);
    },
    note: (name: string) => void done.push(name),
  }, "outside");
  const both = defineFunction({ on: Asked }, async () => {
    await Promise.all([outside.work("a"), outside.work("b")]);
    outside.note("c");
  });
  const { points } = await crashPoints(both, { n: 1 }, {
    setup: () => {
      waits = 0;
      done.splice(0);
    },
    world: () => done.toSorted().join(""),
  });
  const actual = (at: string) => points.find((point) => point.at === at)!.differences.map(({ actual }) => actual);
  assert.deepEqual(actual("before outside.work('a')"), []);
  assert.deepEqual(actual("before outside.work('b')"), ["'aabc'"]); // "a" was pending when the process died
  assert.deepEqual(actual("before outside.note('c')"), ["'aabbc'"]);
});

Deno.test("crashPoints watches only the fetch of its handlers, and restores the global one", async () => {
  const before = globalThis.fetch;
  await using one = startBank();
  const quiet = defineFunction({ on: Asked }, async (_event, ctx) => {
    await (await fetch(one.url)).json();
    await ctx.kv("a").put("b", 1);
  });
  const [, , response] = await Promise.all([
    crashPoints(quiet, { n: 1 }),
    crashPoints(quiet, { n: 1 }),
    fetch(one.url),
  ]);
  await response.json();
  assert.equal(globalThis.fetch, before);
});

Deno.test("watch ends a synchronous loop of a dead process", async () => {
  class Queue {
    readonly waiting = ["a", "b"];
    readonly taken: string[] = [];
    hasMore(): boolean {
      return this.waiting.length > 0;
    }
    take(): void {
      this.taken.push(this.waiting.shift()!);
    }
  }
  let queue = watch(new Queue());
  const drains = defineFunction({ on: Asked }, () => {
    while (queue.hasMore()) queue.take();
  });
  const setup = () => queue = watch(new Queue());
  await assertIdempotent(drains, { n: 1 }, { setup, world: ({ taken }) => taken });
});

Deno.test("watch wraps a frozen object, and keeps its keys and class", async () => {
  const rows: string[] = [];
  const client = Object.freeze({ insert: async (row: string) => void await Promise.resolve(rows.push(row)) });
  const proxy = watch(client, "client");
  const inserts = defineFunction({ on: Asked }, () => proxy.insert("row"));
  const { findings } = await crashPoints(inserts, { n: 1 }, { setup: () => void rows.splice(0), world: () => rows });
  assert.deepEqual(findings.map(({ at }) => at), ["after client.insert('row')", "before the ack"]);
  assert.deepEqual([Object.keys(proxy), "insert" in proxy], [["insert"], true]);
  assert.equal(watch(new Rows()).constructor, Rows);
  assert.ok(watch(new Rows()) instanceof Rows);
});
