import assert from "node:assert/strict";
import { AssertionError } from "node:assert";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { assertIdempotent, type CrashOptions, crashPoints, watch } from "weir/testing";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const One = defineEvent({ type: "demo.one", version: 1, data: z.object({ token: z.string() }) });
const Two = defineEvent({ type: "demo.two", version: 1, data: z.object({ n: z.int() }) });

/** The points that leave another world behind. */
async function found(fn: Parameters<typeof crashPoints>[0], options: CrashOptions = {}): Promise<string[]> {
  return (await crashPoints(fn, { n: 1 }, options)).findings.map(({ at }) => at);
}

Deno.test("every point is come by once, in order", async () => {
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

Deno.test("a counter that is read and put is found out from the moment it is put", async () => {
  const counts = defineFunction({ on: Asked }, async (_event, ctx) => {
    const bucket = ctx.kv<number>("counts"), before = (await bucket.get("n"))?.value ?? 0;
    await bucket.put("n", before + 1);
  });
  assert.deepEqual(await found(counts), ['after kv counts.put("n")', "before the ack"]);
});

Deno.test("random data that is emitted is found out between the storing and the ack, and nowhere else", async () => {
  const random = defineFunction({ on: Asked, emits: [One] }, (_event, ctx) => {
    ctx.emit(One, { token: crypto.randomUUID() });
  });
  const { findings, varies } = await crashPoints(random, { n: 1 });
  assert.deepEqual(findings.map(({ at }) => at), ["after storing the emitted demo.one", "before the ack"]);
  assert.match(findings[0].differences[0].where, /^published again with other data\.demo\.one$/);
  assert.match(varies.join(), /^events\.demo\.one\.\w{32}\.token$/);
});

Deno.test("an event with an id of chance is found to be there twice", async () => {
  const random = defineFunction({ on: Asked, emits: [Two] }, ({ data }, ctx) => {
    ctx.emit(Two, data, { id: crypto.randomUUID() });
  });
  const { findings } = await crashPoints(random, { n: 1 });
  assert.deepEqual(findings.map(({ at }) => at), ["after storing the emitted demo.two", "before the ack"]);
  assert.deepEqual(findings[0].differences[0].expected, "1 entry");
});

Deno.test("an event that is emitted only the first time is found to be lost", async () => {
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

/** A service that charges by what it is asked for, and is safe to ask again only with a key. */
function bank() {
  const charges = new Map<string, number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    charges.set(headers.get("idempotency-key") ?? crypto.randomUUID(), 1);
    return Response.json({ charged: charges.size });
  });
  const url = `http://127.0.0.1:${server.addr.port}/charges`;
  return { url, charges, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("a charge without an idempotency key is found out, and one with a key is not", async () => {
  let url = "";
  const charge = (keyed: boolean) =>
    defineFunction({ on: Asked }, async ({ id }) => {
      const headers: HeadersInit = keyed ? { "idempotency-key": id } : {};
      await (await fetch(url, { method: "POST", headers })).json();
    });
  const options: CrashOptions<ReturnType<typeof bank>> = {
    setup: () => {
      const one = bank();
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

/** A database with private fields, as clients have them. */
class Table {
  #rows: string[] = [];
  async insert(row: string): Promise<void> {
    await Promise.resolve();
    this.#rows.push(row);
  }
  count(): number {
    return this.#rows.length;
  }
  clear(): void {
    this.#rows = [];
  }
}

Deno.test("the methods of a watched object are points, by a proxy and in place", async () => {
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

Deno.test("a world that is not made anew for each run is told", async () => {
  const table = new Table();
  const insert = defineFunction({ on: Asked }, async () => {
    if (table.count() < 2) await table.insert("row");
  });
  await assert.rejects(crashPoints(insert, { n: 1 }, { watch: { table } }), /let `setup` create anew/);
});

Deno.test("what a process began before it died may still arrive, and what it would have done next does not", async () => {
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
  assert.deepEqual(actual("before outside.work('b')"), ["'aabc'"]); // a was under way, and its process did not hear of it
  assert.deepEqual(actual("before outside.note('c')"), ["'aabbc'"]);
});

Deno.test("the time at which something was done differs from run to run, and is not compared", async () => {
  const stamps = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.kv("seen").put("a", { at: Date.now(), by: "me" });
  });
  const { findings, varies } = await crashPoints(stamps, { n: 1 });
  assert.deepEqual([findings, varies], [[], ["kv.seen.a.at"]]);
});

Deno.test("a crash takes time, in which an event may grow too old: that is no finding", async () => {
  const fresh = defineFunction({ on: Asked, maxAge: "10s" }, () => {});
  const { points } = await crashPoints(fresh, { n: 1 });
  assert.deepEqual(points.map(({ verdict }) => verdict), ["gave-up"]);
});

Deno.test("a function that remembers what it handled may die with its claim, and waits for its end", async () => {
  const once = defineFunction({ on: Asked, idempotency: true, emits: [Two] }, ({ data }, ctx) => ctx.emit(Two, data));
  const { points, findings } = await crashPoints(once, { n: 1 });
  assert.deepEqual(findings, []);
  assert.deepEqual(points.map(({ at }) => at).slice(0, 2), ["before claiming the event", "after claiming the event"]);
});

Deno.test("retries are part of it: an attempt that fails is a part of the undisturbed run", async () => {
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

Deno.test("with a depth of two, what only two crashes bring to light is found", async () => {
  const fragile = defineFunction({ on: Asked, retry: { attempts: 9 } }, async (_event, ctx) => {
    const runs = ctx.kv<number>("runs"), times = (await runs.get("n"))?.value ?? 0;
    await runs.put("n", Math.min(2, times + 1));
    if (times === 2) await ctx.kv("broken").put("yes", 1);
    if (times === 0) await runs.put("n", 2);
  });
  const at = await found(fragile, { depth: 2 });
  assert.ok(at.includes('before kv runs.put("n") #2, then before the ack'), at.join("\n"));
});

Deno.test("two crashes of a function that may be attempted once end in the dead letters, and that is no finding", async () => {
  const once = defineFunction({ on: Asked, retry: { attempts: 1 } }, () => {});
  const { points } = await crashPoints(once, { n: 1 }, { depth: 2 });
  assert.deepEqual(points.map(({ at, verdict }) => [at, verdict]), [
    ["before the ack", "same"],
    ["before the ack, then before the ack", "gave-up"],
  ]);
});

Deno.test("a failed proof says which crash differs in what", async () => {
  const counts = defineFunction({ on: Asked }, async (_event, ctx) => {
    const bucket = ctx.kv<number>("counts"), before = (await bucket.get("n"))?.value ?? 0;
    await bucket.put("n", before + 1);
  });
  const error = await assertIdempotent(counts, { n: 1 }, { name: "counts" }).catch((error) => error);
  assert.ok(error instanceof AssertionError);
  assert.equal(
    error.message,
    `counts is not idempotent: 2 of 5 crashes change the result

the process dies          what differs  without a crash  after it
----------------          ------------  ---------------  --------
after kv counts.put("n")  kv.counts.n   1                2
before the ack            kv.counts.n   1                2

Make each effect safe to repeat: compare-and-set, an idempotency key from the event, data that is the same each time`,
  );
});

Deno.test("a function that does not handle the event proves nothing; one that refuses it does", async () => {
  const fails = defineFunction({ on: Asked }, () => {
    throw new TypeError("no such thing");
  });
  await assert.rejects(assertIdempotent(fails, { n: 1 }), /proves nothing: .*attempts-exhausted.*\n {2}TypeError: no/);
  const refuses = defineFunction({ on: Asked }, () => {
    throw new NonRetryableError("never");
  });
  await assertIdempotent(refuses, { n: 1 });
});

Deno.test("a handler that does not come to an end is told, with the last that was seen of it", async () => {
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

Deno.test("what is tried at the same time does not touch another's fetch, which is put back in the end", async () => {
  const before = globalThis.fetch;
  await using one = bank();
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
