import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction, defineStream, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Imported = defineEvent({ type: "store.imported", version: 1, data: z.object({ n: z.int() }) });

/** A runtime with a function on plain messages, which emits an event for each, and a server that may restart. */
async function setup(storage: "file" | "memory", idempotency: boolean | { key: (event: { id: string }) => string }) {
  const server = await startServer(), runs: number[] = [];
  const failing = new Set<number>();
  const load = defineFunction({ on: "orders.>", emits: [Imported], idempotency }, ({ data }, ctx) => {
    const { n } = data as { n: number };
    runs.push(n);
    ctx.emit(Imported, { n });
    if (failing.has(n)) throw new NonRetryableError("not yet");
  });
  const orders = defineStream({ name: "ORDERS", subjects: ["orders.>"], storage });
  const runtime = await startTestRuntime({
    functions: { load },
    schemas: [orders],
    server,
    env: { LOG_LEVEL: "error" },
  });
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  return {
    server,
    runtime,
    runs,
    failing,
    jsm,
    /** Publishes a message without headers. It repeats until a stream stores it. */
    publish: (n: number) =>
      eventually(async () => {
        const answer = await nc.request("orders.created", JSON.stringify({ n }), { timeout: 1_000 });
        return answer.json<{ seq: number }>().seq;
      }),
    imported: (n: number) => runtime.waitForEvent(Imported, (data) => data.n === n),
    [Symbol.asyncDispose]: async () => {
      await nc.close();
      await runtime.stop();
      await server.stop();
    },
  };
}

const RENEWALS = {
  "a memory stream whose server restarted": {
    storage: "memory",
    renew: ({ server }: Awaited<ReturnType<typeof setup>>) => {
      return server.restart();
    },
  },
  "a file stream that was deleted and created again": {
    storage: "file",
    renew: ({ jsm }: Awaited<ReturnType<typeof setup>>) => jsm.streams.delete("ORDERS"),
  },
} as const;
const KEYS = {
  "without idempotency": false,
  "with idempotency": true,
  "with a key made of `event.id`": { key: ({ id }: { id: string }) => id },
} as const;

for (const [where, { storage, renew }] of Object.entries(RENEWALS)) {
  for (const [how, idempotency] of Object.entries(KEYS)) {
    Deno.test(`[G10][G12] ctx.emit stores the event of a message without an id in ${where}, ${how}`, async () => {
      await using bench = await setup(storage, idempotency);
      assert.equal(await bench.publish(1), 1);
      const first = await bench.imported(1);
      await renew(bench);
      assert.equal(await bench.publish(2), 1, "the new message has another position");
      const second = await bench.imported(2);
      assert.notEqual(first.headers["ce-id"], second.headers["ce-id"]);
      assert.deepEqual(bench.runs, [1, 2]);
    });
  }
}

Deno.test("[G12] idempotency recognizes a message without an id that is redriven twice", async () => {
  await using bench = await setup("file", true);
  bench.failing.add(1);
  await bench.publish(1);
  await bench.runtime.waitForDeadLetter("load");
  bench.failing.clear();
  const { adminUrl } = bench.runtime;
  // The dead letter is restored after its redrive, as by a deletion that did not arrive.
  const letter = (await bench.jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 }))!;
  for (const sequence of [1, 2]) {
    const redriven = await fetch(`${adminUrl}/dead-letters/${sequence}/redrive`, { method: "POST" });
    assert.equal(redriven.status, 202, await redriven.text());
    await bench.imported(1);
    if (sequence === 2) break;
    const nc = await connect({ servers: bench.server.url });
    letter.header.delete("Nats-Msg-Id");
    await nc.request(letter.subject, letter.data, { headers: letter.header, timeout: 5_000 });
    await nc.close();
  }
  await eventually(async () => (await bench.jsm.streams.info("RETRIES")).state.messages === 0);
  assert.deepEqual(bench.runs, [1, 1]);
});
