import assert from "node:assert/strict";
import type { RetentionPolicy } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { type Cluster, connectCluster } from "../../../runtime/app/cluster.ts";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { pullPage } from "../../../runtime/nats/inspect/pull_page.ts";
import { renameFunction } from "../../../runtime/nats/rename/rename_function.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "told.it", version: 1, data: z.object({ n: z.int() }) });

for (const retention of ["limits", "workqueue"] as const) {
  Deno.test(`renameFunction moves what waits in a stream of retention ${retention}, each once, through interruptions`, async () => {
    await using broker = await startBroker();
    const { jsm, nc } = broker, state = { works: false }, handled: number[] = [];
    await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"], retention: retention as RetentionPolicy });
    const retry = { attempts: 5 } as const, breaker = { consecutiveFailures: 10_000 };
    const ship = defineFunction(
      { on: Asked, emits: [Told], retry, breaker, idempotency: true },
      ({ data: { n } }, ctx) => {
        if (!state.works && n < 100 && n % 10 === 1) throw new RetryAfterError("1h");
        if (!state.works && n < 100 && n % 10 === 2) throw new NonRetryableError("never");
        handled.push(n);
        ctx.emit(Told, { n });
      },
    );
    const start = (name: string) => startTestRuntime({ functions: { [name]: ship }, server: broker.server });
    {
      await using runtime = await start("ship");
      await Promise.all(Array.from({ length: 100 }, (_, n) => runtime.publish(Asked, { n }, { id: `e${n}` })));
      await eventually(async () => {
        const { num_ack_pending, num_pending } = await jsm.consumers.info("DEMO", "ship");
        return num_ack_pending + num_pending === 0 && handled.length === 80;
      });
      await jsm.consumers.pause("DEMO", "ship", new Date(Date.now() + 3_600_000));
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => runtime.publish(Asked, { n: 100 + n }, { id: `e${100 + n}` })),
      );
    }
    await jsm.consumers.resume("DEMO", "ship");
    await jsm.consumers.update("DEMO", "ship", { ack_wait: 1_000_000_000 }); // so that its leases end soon
    const held = await pullPage(nc, "DEMO", "ship", 30, 30_000, NO_NAMESPACE); // as a process that dies with them
    assert.equal(held.length, 30);

    const kv = await new Kvm(nc).open("weir_attempts"), error = { name: "Error", message: "decided" };
    const ending = { kind: "dead-letter", reason: "rejected", attempts: 1, error };
    await kv.put(`ship.${held[0].messageKey}`, JSON.stringify({ begun: 1, free: 0, emitted: true, ending }));

    const cluster = await connectCluster(
      readConfig({ get: (name) => ({ NATS_URL: broker.server.url })[name], readFile: () => "" }),
    );
    let interruptions = 0;
    const interrupted = (after: number): Pick<Cluster, "nc" | "jsm" | "names" | "messages" | "duplicates"> => {
      let left = after;
      const publish: Cluster["messages"]["publish"] = async (...message) => {
        const result = await cluster.messages.publish(...message);
        if (left-- === 0) throw new Error("interrupted"); // after it is stored, and before anything is removed
        return result;
      };
      return {
        nc: cluster.nc,
        jsm: cluster.jsm,
        names: cluster.names,
        messages: { publish } as Cluster["messages"],
        duplicates: cluster.duplicates,
      };
    };
    for (const after of [0, 3, 7, 20, 25, 40, Infinity]) {
      try {
        await renameFunction(interrupted(after), "ship", "deliver");
        break;
      } catch (error) {
        assert.equal((error as Error).message, "interrupted");
        interruptions++;
        for (const name of ["ship", "deliver"]) {
          await assert.rejects(start(name), /RETRIES: the rename of ship to deliver is not finished: finish it with /);
        }
      }
    }
    assert.ok(interruptions >= 4, `${interruptions}`);
    await cluster.close();

    const names = async (of: string) => (await Array.fromAsync(jsm.consumers.list(of))).map(({ name }) => name);
    assert.deepEqual([await names("DEMO"), await names("RETRIES")], [["deliver"], ["deliver"]]);
    state.works = true;
    await using runtime = await start("deliver");
    await eventually(() => handled.length >= 179);
    const get = async (path: string) => await (await fetch(runtime.adminUrl + path)).json();
    const retries = await get("/retries?function=deliver"), letters = await get("/dead-letters?function=deliver");
    assert.deepEqual([retries.length, letters.length], [10, 11]);
    assert.ok(
      letters.every(({ attempts, error }: { attempts: number; error: string }) =>
        attempts === 1 && /never|decided/.test(error)
      ),
    );
    assert.equal(
      (await (await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" })).json()).redriven,
      11,
    );
    await eventually(async () => handled.length >= 190 && (await jsm.streams.info("RETRIES")).state.messages === 10);
    assert.equal(new Set(handled).size, handled.length, "an event was handled twice");
    assert.equal((await jsm.streams.info("TOLD")).state.messages, 190);
    const claims = await jsm.streams.info("KV_weir_inbox", { subjects_filter: "$KV.weir_inbox.>" });
    const owners = Object.keys(claims.state.subjects ?? {}).map((subject) => subject.split(".")[2]);
    assert.deepEqual([owners.length, new Set(owners)], [190, new Set(["deliver"])]);
  });
}

Deno.test("renameFunction refuses a name that has run, and one that has not", async () => {
  await using broker = await startBroker();
  const functions = { ship: defineFunction({ on: Asked }, () => {}), bill: defineFunction({ on: Asked }, () => {}) };
  await using _ = await startTestRuntime({ functions, server: broker.server });
  const cluster = await connectCluster(
    readConfig({ get: (name) => ({ NATS_URL: broker.server.url })[name], readFile: () => "" }),
  );
  await assert.rejects(renameFunction(cluster, "ship", "bill"), /^Error: bill has consumers already: it has run/);
  await assert.rejects(renameFunction(cluster, "gone", "deliver"), /^Error: gone has no consumers$/);
  await cluster.close();
});
