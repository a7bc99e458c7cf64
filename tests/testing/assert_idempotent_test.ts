import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { AssertionError } from "node:assert";
import { defineEvent, defineFunction, type FunctionDefinition, NonRetryableError } from "weir";
import { assertIdempotent, type CrashOptions, watch } from "weir/testing";
import { z } from "zod";
import { Rows } from "./outside.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** Returns the message that `assertIdempotent` fails with. */
async function failure<Outside>(
  fn: FunctionDefinition<typeof Asked>,
  options: CrashOptions<Outside> = {},
): Promise<string> {
  const error = await assertIdempotent(fn, { n: 1 }, options).then(() => undefined, (error) => error);
  assert.ok(error, "it did not fail");
  return error.message;
}

Deno.test("assertIdempotent fails with the crashes and their differences", async () => {
  const counts = defineFunction({ on: Asked }, async (_event, ctx) => {
    const bucket = ctx.kv<number>("counts"), before = (await bucket.get("n"))?.value ?? 0;
    await bucket.put("n", before + 1);
  });
  const error = await assertIdempotent(counts, { n: 1 }, { name: "counts" }).catch((error) => error);
  assert.ok(error instanceof AssertionError);
  assert.equal(
    error.message,
    `counts is not idempotent: 2 of 5 crashes change the result

after kv counts.put("n"):
  kv.counts.n: 2 instead of 1
before the ack:
  kv.counts.n: 2 instead of 1

Make each effect safe to repeat: compare-and-set, an idempotency key from the event, data that is the same each time`,
  );
});

Deno.test("assertIdempotent fails if the event is not handled, and accepts a rejected event", async () => {
  const fails = defineFunction({ on: Asked }, () => {
    throw new TypeError("no such thing");
  });
  await assert.rejects(assertIdempotent(fails, { n: 1 }), /proves nothing: .*attempts-exhausted.*\n {2}TypeError: no/);
  const refuses = defineFunction({ on: Asked }, () => {
    throw new NonRetryableError("never");
  });
  await assertIdempotent(refuses, { n: 1 });
});

Deno.test("assertIdempotent accepts unawaited work without effect, and lets none of it outlast the test", async () => {
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

Deno.test("assertIdempotent needs a `world` for outside effects", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const url = `http://127.0.0.1:${server.addr.port}/charges`;
  const posts = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.dependency("Bank").call(async () => await (await fetch(url, { method: "POST" })).body?.cancel());
  });
  assert.match(await failure(posts), /proves nothing: no `world` shows the effects of:\n {2}fetch POST .*\nGive/);
  await assertIdempotent(posts, { n: 1 }, { world: () => null });
  await server.shutdown();

  let rows = watch(new Rows());
  const setup = () => rows = watch(new Rows());
  const inserts = defineFunction({ on: Asked }, () => rows.insert("row"));
  assert.match(await failure(inserts, { setup }), /\n {2}Rows\.insert\('row'\)\n/);
  assert.match(await failure(inserts, { setup, world: ({ rows }) => rows }), /is not idempotent: 2 of 3/);

  const calls = defineFunction({ on: Asked }, async (_event, ctx) => void await ctx.dependency("Bank").call(() => {}));
  assert.match(await failure(calls), /\n {2}the call to Bank\n/);
});

Deno.test("assertIdempotent needs no `world` for reads", async () => {
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

Deno.test("assertIdempotent refuses state that outlives a run", async () => {
  const charges: number[] = [], seen = new Set<string>();
  const charge = defineFunction({ on: Asked }, async (_event, ctx) => {
    await ctx.dependency("Bank").call(() => void charges.push(1));
  });
  assert.match(await failure(charge, { world: () => charges }), /still there when the next one begins: .*`setup`/);
  const remembers = defineFunction({ on: Asked }, async ({ id }, ctx) => {
    if (seen.has(id)) return;
    seen.add(id);
    await ctx.kv("seen").put(id, 1);
  });
  assert.match(await failure(remembers), /reached 1 points in its second run, and 3 in its first: .*`setup`/);
});

Deno.test("assertIdempotent refuses a `world` that shows nothing", async () => {
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
    await failure(inserts, { setup, world: (it) => it }),
    /an instance of Hidden has no public fields/,
  );
  assert.match(await failure(inserts, { setup, world: (it) => void it.count() }), /`world` returned undefined/);
  assert.match(await failure(inserts, { setup, world: (it) => it.count }), /`world` returned function/);
  assert.match(await failure(inserts, { setup, world: (it) => it.count() }), /is not idempotent/);
});

Deno.test("assertIdempotent proves nothing if the event expires after each crash", async () => {
  const counts = defineFunction({ on: Asked, maxAge: "10s" }, async (_event, ctx) => {
    await ctx.kv("counts").put("n", ((await ctx.kv<number>("counts").get("n"))?.value ?? 0) + 1);
  });
  assert.match(await failure(counts), /proves nothing: after each crash the event was a dead letter.*`maxAge`/);
});

for (
  const [client, write] of [
    ["Deno.connect", async (port) => {
      using connection = await Deno.connect({ port });
      await connection.write(new TextEncoder().encode("INSERT"));
    }],
    ["node:net", async (port) => {
      const socket = createConnection(port);
      await once(socket, "connect");
      await new Promise((resolve) => socket.end("INSERT", () => resolve(undefined)));
      if (!socket.closed) await once(socket, "close");
    }],
  ] as [string, (port: number) => Promise<void>][]
) {
  Deno.test(`assertIdempotent proves nothing of a database that is reached by ${client}, without a \`world\``, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void (async () => {
      for await (const connection of listener) void connection.readable.pipeTo(new WritableStream()).catch(() => {});
    })();
    const { port } = listener.addr as Deno.NetAddr;
    const inserts = defineFunction({ on: Asked }, () => write(port));
    assert.match(await failure(inserts), /no `world` shows the effects of:\n {2}a TCP connection/);
    await assertIdempotent(inserts, { n: 1 }, { world: () => null });
  });
}

Deno.test("assertIdempotent sees what is written to a connection that was open before", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [connection, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
    listener.accept(),
  ]);
  const writes = defineFunction({ on: Asked }, async () => void await connection.write(new Uint8Array(1)));
  assert.match(await failure(writes), /no `world` shows the effects of:\n {2}a TCP connection/);
  connection.close();
  accepted.close();
});

Deno.test("assertIdempotent sees what is sent to a WebSocket", async () => {
  const served = Promise.withResolvers<WebSocket>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    served.resolve(socket);
    return response;
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  await once(socket, "open");
  const sends = defineFunction({ on: Asked }, () => socket.send("INSERT"));
  assert.match(await failure(sends), /no `world` shows the effects of:\n {2}a WebSocket/);
  const closed = [once(socket, "close"), once(await served.promise, "close")];
  socket.close();
  await Promise.all(closed);
});

Deno.test("assertIdempotent compares no value that varies between two runs, also in an event that is emitted again", async () => {
  const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ n: z.int(), at: z.iso.datetime() }) });
  const tells = defineFunction({ on: Asked, emits: [Told] }, ({ data: { n } }, { emit }) => {
    emit(Told, { n, at: new Date().toISOString() });
  });
  const { varies } = await assertIdempotent(tells, { n: 1 });
  assert.match(varies.join(), /^events\.demo\.told\..*\.at$/);
  let count = 0;
  const counts = defineFunction({ on: Asked, emits: [Told] }, (_event, { emit }) => {
    emit(Told, { n: count++ % 2, at: new Date().toISOString() });
  });
  assert.match(await failure(counts, { setup: () => void (count = 0), world: () => null }), /published again|\.n: /);
});
