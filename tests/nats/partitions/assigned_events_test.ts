import assert from "node:assert/strict";
import type { JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { AssignedEvents } from "../../../runtime/nats/partitions/assigned_events.ts";
import { startBroker } from "../../support/nats.ts";

Deno.test("AssignedEvents.has reads on where it ended before, and anew after a time and for another subject", async () => {
  await using broker = await startBroker();
  const { jsm } = broker, from: number[] = [];
  await jsm.streams.add({ name: "PARTS", subjects: ["parts.>"], allow_direct: true });
  const assign = async (id: string, subject = "parts.a") => {
    const hdrs = headers();
    hdrs.set("Nats-Msg-Id", id);
    await jsm.jetstream().publish(subject, "{}", { headers: hdrs });
  };
  const direct: Pick<JetStreamManager["direct"], "getBatch"> = {
    getBatch: (stream, query) => {
      from.push((query as { seq: number }).seq);
      return jsm.direct.getBatch(stream, query);
    },
  };
  let nowMs = 0;
  const assigned = new AssignedEvents({ direct } as JetStreamManager, { now: () => nowMs });
  /** Returns whether an id is found, and where the reading began. */
  const ask = async (id: string, subject = "parts.*") => {
    const before = from.length, found = await assigned.has("PARTS", subject, id);
    return [found, from[before]];
  };
  await assign("one");
  await assign("two");
  assert.deepEqual(await ask("two"), [true, 1]);
  assert.deepEqual(await ask("three"), [false, 3]);
  await assign("three", "parts.b");
  await jsm.streams.deleteMessage("PARTS", 1); // handled
  assert.deepEqual(await ask("three"), [true, 3]);
  assert.deepEqual(await ask("one"), [true, 4]);
  nowMs = 60_000;
  assert.deepEqual(await ask("one"), [false, 1]);
  assert.deepEqual(await ask("three", "parts.b"), [true, 1]);
});

Deno.test("AssignedEvents.has begins anew after a reading that failed", async () => {
  const from: number[] = [];
  let fails = false;
  const direct = {
    getBatch: (
      _: string,
      query: { seq: number; callback: (done: { err?: Error } | null, message?: unknown) => void },
    ) => {
      from.push(query.seq);
      if (fails) return Promise.reject(new Error("as planned"));
      if (query.seq === 1) query.callback(null, { seq: 5, header: { get: () => "one" } });
      query.callback({});
      return Promise.resolve();
    },
  };
  const assigned = new AssignedEvents({ direct } as never, { now: () => 0 });
  assert.equal(await assigned.has("PARTS", "parts.*", "one"), true);
  fails = true;
  await assert.rejects(assigned.has("PARTS", "parts.*", "one"), /as planned/);
  fails = false;
  assert.equal(await assigned.has("PARTS", "parts.*", "one"), true);
  assert.deepEqual(from, [1, 6, 6, 1, 6]);
});
