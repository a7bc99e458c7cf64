import assert from "node:assert/strict";
import { defineEvent, defineFunction, type FunctionDefinition } from "weir";
import { assertIdempotent, type CrashOptions, crashPoints, watch } from "weir/testing";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ at: z.number() }) });
const Done = defineEvent({ type: "demo.done", version: 1, data: z.object({}) });

/** The points that leave another world behind. */
async function found(fn: FunctionDefinition<typeof Asked>, options: CrashOptions = {}): Promise<string[]> {
  return (await crashPoints(fn, { n: 1 }, options)).findings.map(({ at }) => at);
}

/** What a proof fails with. */
async function refused<Outside>(
  fn: FunctionDefinition<typeof Asked>,
  options: CrashOptions<Outside> = {},
): Promise<string> {
  const error = await assertIdempotent(fn, { n: 1 }, options).then(() => undefined, (error) => error);
  assert.ok(error, "it was said to be idempotent");
  return error.message;
}

/** A list outside. */
class Rows {
  readonly rows: string[] = [];
  async insert(row: string): Promise<void> {
    await Promise.resolve();
    this.rows.push(row);
  }
}

Deno.test("what is begun and not awaited is found to be lost with a process that dies after the ack", async () => {
  const careless = defineFunction({ on: Asked }, ({ id }, ctx) => {
    void ctx.kv("seen").put(id, 1);
  });
  assert.deepEqual(await found(careless), ['after the settlement: without kv seen.put("test-event"), not awaited']);
});

Deno.test("what follows on something that is not awaited is found to be lost too", async () => {
  const careless = defineFunction({ on: Asked }, ({ id }, ctx) => {
    void ctx.kv("a").get("b").then(() => ctx.kv("seen").put(id, 1));
  });
  assert.deepEqual(await found(careless), [
    'after the settlement: after kv a.get("b")',
    'after the settlement: before kv seen.put("test-event")',
    'after the settlement: without kv a.get("b"), not awaited',
  ]);
});

Deno.test("what is not awaited and does not matter is no finding, and nothing of it outlasts the test", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async ({ url }) => {
    if (url.endsWith("slow")) await new Promise((resolve) => setTimeout(resolve, 20));
    return new Response("rate");
  });
  const rate = async (path: string) => await (await fetch(`http://127.0.0.1:${server.addr.port}/${path}`)).text();
  const hedges = defineFunction({ on: Asked }, async ({ id }, ctx) => {
    await ctx.kv("rates").put(id, await Promise.race([rate("slow"), rate("fast")]));
  });
  await assertIdempotent(hedges, { n: 1 });
  await server.shutdown();
});

Deno.test("the time in what is emitted is another in the next life, however soon that begins", async () => {
  const stamps = defineFunction({ on: Asked, emits: [Told] }, (_event, ctx) => ctx.emit(Told, { at: Date.now() }));
  assert.deepEqual(await found(stamps), ["after storing the emitted demo.told", "before the ack"]);
});

Deno.test("a counter beside keys of chance is compared, and so is one event beside another of chance", async () => {
  const mixed = defineFunction({ on: Asked, emits: [Told, Done] }, async (_event, ctx) => {
    const ledger = ctx.kv<number>("ledger"), before = (await ledger.get("total"))?.value ?? 0;
    const name = (await ctx.kv<string>("names").get("n"))?.value ?? crypto.randomUUID();
    await ctx.kv("names").put("n", name);
    await ledger.put(name, 1);
    await ledger.put("total", before + 1);
    ctx.emit(Told, { at: 1 }, { id: crypto.randomUUID() });
    if (before === 0) ctx.emit(Done, {});
  });
  const { findings } = await crashPoints(mixed, { n: 1 });
  const differing = (at: string) => findings.find((one) => one.at === at)?.differences.map(({ where }) => where);
  assert.deepEqual(differing('after kv ledger.put("total")'), ["kv.ledger.total", "events.demo.done"]);
  assert.deepEqual(differing("after storing the emitted demo.told"), [
    "kv.ledger.total",
    "events.demo.told",
    "events.demo.done",
  ]);
});

Deno.test("what is done outside proves nothing unless `world` shows what came of it", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const url = `http://127.0.0.1:${server.addr.port}/charges`;
  const posts = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.dependency("Bank").call(async () => await (await fetch(url, { method: "POST" })).body?.cancel());
  });
  assert.match(await refused(posts), /proves nothing: no `world` shows the effects of:\n {2}fetch POST .*\nGive/);
  await assertIdempotent(posts, { n: 1 }, { world: () => null });
  await server.shutdown();

  let rows = watch(new Rows());
  const setup = () => rows = watch(new Rows());
  const inserts = defineFunction({ on: Asked }, () => rows.insert("row"));
  assert.match(await refused(inserts, { setup }), /\n {2}Rows\.insert\('row'\)\n/);
  assert.match(await refused(inserts, { setup, world: ({ rows }) => rows }), /is not idempotent: 2 of 3/);

  const calls = defineFunction({ on: Asked }, async (_event, ctx) => void await ctx.dependency("Bank").call(() => {}));
  assert.match(await refused(calls), /\n {2}the call to Bank\n/);
});

Deno.test("reading outside needs no `world`", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("1"));
  const reads = defineFunction({ on: Asked }, async ({ id }, ctx) => {
    const url = `http://127.0.0.1:${server.addr.port}`;
    const rate = await ctx.dependency("Rates").call(async (signal) => await (await fetch(url, { signal })).text());
    await ctx.kv("rates").put(id, rate);
  });
  const { unseen } = await assertIdempotent(reads, { n: 1 });
  assert.deepEqual(unseen, []);
  await server.shutdown();
});

Deno.test("a world that no `setup` makes anew is told, and so is a memory that outlives the process", async () => {
  const charges: number[] = [], seen = new Set<string>();
  const charge = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.dependency("Bank").call(() => void charges.push(1));
  });
  assert.match(await refused(charge, { world: () => charges }), /still there when the next one begins: .*`setup`/);
  const remembers = defineFunction({ on: Asked }, async ({ id }, ctx) => {
    if (seen.has(id)) return;
    seen.add(id);
    await ctx.kv("seen").put(id, 1);
  });
  assert.match(await refused(remembers), /reached 1 points in its second run, and 3 in its first: .*`setup`/);
});

Deno.test("a world that shows nothing is told", async () => {
  class Hidden {
    #rows: string[] = [];
    async insert(row: string): Promise<void> {
      await Promise.resolve();
      this.#rows.push(row);
    }
    count(): number {
      return this.#rows.length;
    }
  }
  let hidden = new Hidden();
  const setup = () => hidden = watch(new Hidden());
  const inserts = defineFunction({ on: Asked }, () => hidden.insert("row"));
  assert.match(
    await refused(inserts, { setup, world: (it) => it }),
    /an instance of Hidden has no public fields/,
  );
  assert.match(await refused(inserts, { setup, world: (it) => void it.count() }), /`world` returned undefined/);
  assert.match(await refused(inserts, { setup, world: (it) => it.count }), /`world` returned function/);
  assert.match(await refused(inserts, { setup, world: (it) => it.count() }), /is not idempotent/);
});

Deno.test("a function whose event is too old after each crash proves nothing", async () => {
  const counts = defineFunction({ on: Asked, maxAge: "10s" }, async (_event, ctx) => {
    await ctx.kv("counts").put("n", ((await ctx.kv<number>("counts").get("n"))?.value ?? 0) + 1);
  });
  assert.match(await refused(counts), /proves nothing: after each crash the event was a dead letter.*`maxAge`/);
});

Deno.test("a process that dies in a loop which waits for nothing comes out of it", async () => {
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

Deno.test("a frozen client can be watched by a proxy, and is what it was", async () => {
  const rows: string[] = [];
  const client = Object.freeze({ insert: async (row: string) => void await Promise.resolve(rows.push(row)) });
  const proxy = watch(client, "client");
  const inserts = defineFunction({ on: Asked }, () => proxy.insert("row"));
  const at = await found(inserts, { setup: () => void rows.splice(0), world: () => rows });
  assert.deepEqual(at, ["after client.insert('row')", "before the ack"]);
  assert.deepEqual([Object.keys(proxy), "insert" in proxy], [["insert"], true]);
  assert.equal(watch(new Rows()).constructor, Rows);
  assert.ok(watch(new Rows()) instanceof Rows);
});
