import assert from "node:assert/strict";
import { defineEvent, defineFunction, type FunctionDefinition } from "weir";
import { type CrashOptions, crashPoints } from "weir/testing";
import { z } from "zod";
import { startBank, Table } from "./outside.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const One = defineEvent({ type: "demo.one", version: 1, data: z.object({ token: z.string() }) });
const Two = defineEvent({ type: "demo.two", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ at: z.number() }) });
const Done = defineEvent({ type: "demo.done", version: 1, data: z.object({}) });

/** Returns the points whose crash changes the result. */
async function findings(fn: FunctionDefinition<typeof Asked>, options: CrashOptions = {}): Promise<string[]> {
  return (await crashPoints(fn, { n: 1 }, options)).findings.map(({ at }) => at);
}

Deno.test("crashPoints passes every point once, in order", async () => {
  const busy = defineFunction({ on: Asked, emits: [One, Two] }, async ({ data }, ctx) => {
    await ctx.kv("seen").get("a");
    await ctx.dependency("Bank").call(async () => await ctx.kv("seen").put("a", 1));
    await ctx.kv("seen").put("a", 1);
    ctx.emit(One, { token: "t" });
    ctx.emit(Two, data);
  });
  const { points, findings, outcome } = await crashPoints(busy, { n: 1 });
  assert.deepEqual([outcome, findings], [{ kind: "ack" }, []]);
  assert.deepEqual(points.map(({ at }) => at), [
    'before kv seen.get("a")',
    'after kv seen.get("a")',
    "before the call to Bank",
    'before kv seen.put("a")',
    'after kv seen.put("a")',
    "after the call to Bank",
    'before kv seen.put("a") #2',
    'after kv seen.put("a") #2',
    "before storing the emitted demo.one",
    "after storing the emitted demo.one",
    "before storing the emitted demo.two",
    "after storing the emitted demo.two",
    "before the ack",
  ]);
});

Deno.test("crashPoints passes every point of a function with batches, whose event is a batch of its own", async () => {
  const stores = defineFunction({ on: Asked, emits: [Two], batch: { size: 10 } }, async (events, ctx) => {
    for (const event of events) {
      await ctx.kv("seen").put("a", 1);
      ctx.emit(Two, event.data, { cause: event });
    }
  });
  const { points, findings, outcome } = await crashPoints(stores, { n: 1 });
  assert.deepEqual([outcome, findings], [{ kind: "ack" }, []]);
  assert.deepEqual(points.map(({ at }) => at), [
    'before kv seen.put("a")',
    'after kv seen.put("a")',
    "before storing the emitted demo.two",
    "after storing the emitted demo.two",
    "before the ack",
  ]);
});

Deno.test("crashPoints finds a counter that is read and put", async () => {
  const counts = defineFunction({ on: Asked }, async (_event, ctx) => {
    const bucket = ctx.kv<number>("counts"), before = (await bucket.get("n"))?.value ?? 0;
    await bucket.put("n", before + 1);
  });
  assert.deepEqual(await findings(counts), ['after kv counts.put("n")', "before the ack"]);
});

Deno.test("crashPoints names random data in an emitted event, and does not compare it", async () => {
  const random = defineFunction({ on: Asked, emits: [One] }, (_event, ctx) => {
    ctx.emit(One, { token: crypto.randomUUID() });
  });
  const { findings, varies } = await crashPoints(random, { n: 1 });
  assert.deepEqual(findings, []);
  assert.match(varies.join(), /^events\.demo\.one\.emitted-\w{32}\.token$/);
});

Deno.test("crashPoints finds an event with a random id, which is stored twice", async () => {
  const random = defineFunction({ on: Asked, emits: [Two] }, ({ data }, ctx) => {
    ctx.emit(Two, data, { id: crypto.randomUUID() });
  });
  const { findings } = await crashPoints(random, { n: 1 });
  assert.deepEqual(findings.map(({ at }) => at), ["after storing the emitted demo.two", "before the ack"]);
  assert.deepEqual(findings[0].differences[0].expected, "1 entry");
});

Deno.test("crashPoints finds an event that only the first attempt emits", async () => {
  const once = defineFunction({ on: Asked, emits: [Two] }, async ({ id, data }, ctx) => {
    if (await ctx.kv("seen").get(id)) return;
    await ctx.kv("seen").put(id, true);
    ctx.emit(Two, data);
  });
  const { findings } = await crashPoints(once, { n: 1 });
  assert.deepEqual(findings.map(({ at }) => at), [
    'after kv seen.put("test-event")',
    "before storing the emitted demo.two",
  ]);
  assert.equal(findings[0].differences[0].actual, "(nothing)");
});

Deno.test("crashPoints finds a charge without an idempotency key", async () => {
  let url = "";
  const charge = (keyed: boolean) =>
    defineFunction({ on: Asked }, async ({ id }) => {
      const headers: HeadersInit = keyed ? { "idempotency-key": id } : {};
      await (await fetch(url, { method: "POST", headers })).json();
    });
  const options: CrashOptions<ReturnType<typeof startBank>> = {
    setup: () => {
      const one = startBank();
      url = one.url;
      return one;
    },
    world: ({ charges }) => charges.size,
  };
  assert.deepEqual((await crashPoints(charge(true), { n: 1 }, options)).findings, []);
  const { findings } = await crashPoints(charge(false), { n: 1 }, options);
  assert.deepEqual(findings.map(({ at }) => at.replace(/:\d+/, "")), [
    "after fetch POST http://127.0.0.1/charges",
    "before the ack",
  ]);
  assert.deepEqual(findings[0].differences, [{ where: "world", expected: "1", actual: "2" }]);
});

Deno.test("crashPoints refuses a world that `setup` does not create anew", async () => {
  const table = new Table();
  const insert = defineFunction({ on: Asked }, async () => {
    if (table.count() < 2) await table.insert("row");
  });
  await assert.rejects(crashPoints(insert, { n: 1 }, { watch: { table } }), /let `setup` create anew/);
});

Deno.test("crashPoints does not compare times, which vary between runs", async () => {
  const stamps = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.kv("seen").put("a", { at: Date.now(), by: "me" });
  });
  const { findings, varies } = await crashPoints(stamps, { n: 1 });
  assert.deepEqual([findings, varies], [[], ["kv.seen.a.at"]]);
});

Deno.test("crashPoints gives up on an event that expires after a crash", async () => {
  const fresh = defineFunction({ on: Asked, maxAge: "10s" }, () => {});
  const { points } = await crashPoints(fresh, { n: 1 });
  assert.deepEqual(points.map(({ verdict }) => verdict), ["gave-up"]);
});

Deno.test("crashPoints lets a function with idempotency die with its claim", async () => {
  const once = defineFunction({ on: Asked, idempotency: true, emits: [Two] }, ({ data }, ctx) => ctx.emit(Two, data));
  const { points, findings } = await crashPoints(once, { n: 1 });
  assert.deepEqual(findings, []);
  assert.deepEqual(points.map(({ at }) => at).slice(0, 2), ["before claiming the event", "after claiming the event"]);
});

Deno.test("crashPoints includes retries in the undisturbed run", async () => {
  const second = defineFunction({ on: Asked }, async (_event, ctx) => {
    if (ctx.attempt === 1) throw new Error("not yet");
    await ctx.kv("seen").put("a", 1);
  });
  const { points, findings } = await crashPoints(second, { n: 1 });
  assert.deepEqual(findings, []);
  assert.deepEqual(points.map(({ at }) => at), [
    "before the nak",
    'before kv seen.put("a")',
    'after kv seen.put("a")',
    "before the ack",
  ]);
});

Deno.test("crashPoints with depth 2 finds what takes two crashes", async () => {
  const fragile = defineFunction({ on: Asked, retry: { attempts: 9 } }, async (_event, ctx) => {
    const runs = ctx.kv<number>("runs"), times = (await runs.get("n"))?.value ?? 0;
    await runs.put("n", Math.min(2, times + 1));
    if (times === 2) await ctx.kv("broken").put("yes", 1);
    if (times === 0) await runs.put("n", 2);
  });
  const at = await findings(fragile, { depth: 2 });
  assert.ok(at.includes('before kv runs.put("n") #2, then before the ack'), at.join("\n"));
});

Deno.test("crashPoints gives up on an event that crashes with its last attempt", async () => {
  const once = defineFunction({ on: Asked, retry: { attempts: 1 } }, () => {});
  const { points } = await crashPoints(once, { n: 1 }, { depth: 2 });
  assert.deepEqual(points.map(({ at, verdict }) => [at, verdict]), [
    ["before the ack", "same"],
    ["before the ack, then before the ack", "gave-up"],
  ]);
});

Deno.test("crashPoints fails on a handler that does not end, with its last step", async () => {
  const timeout = 12_345, { setTimeout } = globalThis;
  let timeUp = () => {};
  // The test fires the timeout itself, since a real one might pass before the handler reaches the point where it hangs.
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    if (ms === timeout) timeUp = callback;
    return setTimeout(callback, ms);
  }) as typeof setTimeout;
  const hangs = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.kv("a").get("b");
    timeUp();
    await new Promise(() => {});
  });
  try {
    await assert.rejects(
      crashPoints(hangs, { n: 1 }, { timeout, name: "hangs" }),
      { message: 'hangs was still running after 12345ms; its last step: after kv a.get("b")' },
    );
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("crashPoints finds work that is not awaited and is lost after the ack", async () => {
  const careless = defineFunction({ on: Asked }, ({ id }, ctx) => {
    void ctx.kv("seen").put(id, 1);
  });
  assert.deepEqual(await findings(careless), ['after the settlement: without kv seen.put("test-event"), not awaited']);
});

Deno.test("crashPoints finds work that follows on work that is not awaited", async () => {
  const careless = defineFunction({ on: Asked }, ({ id }, ctx) => {
    void ctx.kv("a").get("b").then(() => ctx.kv("seen").put(id, 1));
  });
  assert.deepEqual(await findings(careless), [
    'after the settlement: after kv a.get("b")',
    'after the settlement: before kv seen.put("test-event")',
    'after the settlement: without kv a.get("b"), not awaited',
  ]);
});

Deno.test("crashPoints does not compare the current time in an emitted event", async () => {
  const stamps = defineFunction({ on: Asked, emits: [Told] }, (_event, ctx) => ctx.emit(Told, { at: Date.now() }));
  assert.deepEqual(await findings(stamps), []);
});

Deno.test("crashPoints compares fixed keys and ids beside random ones", async () => {
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
