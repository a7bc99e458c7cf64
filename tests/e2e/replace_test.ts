import assert from "node:assert/strict";
import { AckPolicy, type RetentionPolicy } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../nats/eventually.ts";
import { startLoad, startPlanned } from "./planned.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const PER_SECOND = 500;

const INTERRUPTED = ["is done by the next apply", "is done by the runtime's own repair"];

// A work queue takes no consumer but one that acknowledges one by one.
for (const retention of ["limits", "interest"]) {
  for (const then of ["", ...INTERRUPTED]) {
    const how = then && `; interrupted, it ${then}`;
    Deno.test(`a consumer is replaced under load on ${retention} retention, with nothing lost or repeated${how}`, async () => {
      await using planned = await startPlanned();
      const { jsm } = planned.cluster;
      await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"], retention: retention as RetentionPolicy });
      const seen: number[] = [];
      const fn = defineFunction({ on: Asked, concurrency: 16 }, async ({ data }) => {
        await new Promise((resolve) => setTimeout(resolve, data.n % 7));
        seen.push(data.n);
      });
      await using runtime = await startTestRuntime({ functions: { fn }, server: planned.server });
      // As somebody's tool might have made it. The runtime pulls on it as on any.
      await jsm.consumers.delete("DEMO", "fn");
      await jsm.consumers.add("DEMO", { durable_name: "fn", ack_policy: AckPolicy.All, filter_subjects: [Asked.type] });
      const load = startLoad((n) => runtime.publish(Asked, { n }), PER_SECOND);
      await eventually(() => seen.length > 200);
      assert.deepEqual((await planned.plan({ fn })).map(({ kind }) => kind), ["replace"]);
      if (then !== "") {
        const died = new Error("died");
        const before = (step: string) => {
          if (step === "create") throw died;
        };
        await assert.rejects(planned.apply({ fn }, { before }), died);
        const there = () => jsm.consumers.info("DEMO", "fn");
        if (then.endsWith("repair")) await eventually(there);
      }
      const applied = await planned.apply({ fn });
      assert.deepEqual(applied.flatMap(({ problem }) => problem ?? []), []);
      const { config } = await jsm.consumers.info("DEMO", "fn");
      assert.equal(config.ack_policy, "explicit");
      const sent = load.count;
      await eventually(() => load.count > sent + 300);
      const stored = await load.stop();
      await eventually(() => seen.length >= stored);
      await eventually(async () => (await jsm.consumers.info("DEMO", "fn")).num_ack_pending === 0);
      assert.deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: stored }, (_, n) => n));
      assert.deepEqual(await planned.plan({ fn }), []);
      const left = await Array.fromAsync(jsm.consumers.list("DEMO"), ({ name }) => name);
      assert.deepEqual(left, ["fn"]);
    });
  }
}
