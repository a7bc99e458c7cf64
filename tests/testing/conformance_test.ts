import assert from "node:assert/strict";
import { connect, headers as natsHeaders } from "@nats-io/transport-node";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { defineEvent, defineFunction, defineStream } from "weir";
import {
  type Emitted,
  invoke,
  MemoryIdempotencyStore,
  MemoryKvStore,
  type Outcome,
  type RecordedEvent,
  startTestRuntime,
  TestClock,
} from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { type Case, CASES } from "./conformance_cases.ts";

/** The result that memory and NATS must agree on. */
interface Result {
  readonly outcome: string;
  readonly emitted: readonly Emitted[];
  readonly kv: unknown;
}

function kindOf(outcome: Outcome): string {
  if (outcome.kind === "ack") return `ack ${outcome.skipped ?? ""}`.trim();
  return "reason" in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind;
}

const nameOf = ({ event }: Pick<Case, "event">) => event.type.replace(".in", "");

async function inMemory({ fn, event, data, headers, twice }: Case, id: string): Promise<Result> {
  const kv = new MemoryKvStore(), idempotencyStore = new MemoryIdempotencyStore();
  const run = () => invoke(fn, data, { event, name: nameOf({ event }), id, headers, kv, idempotencyStore });
  if (twice) await run();
  const { outcome, emitted } = await run();
  return { outcome: kindOf(outcome), emitted, kv: kv.contents() };
}

Deno.test("invoke and a runtime on NATS have the same result in every case", async (t) => {
  const functions = Object.fromEntries(CASES.map((one) => [nameOf(one), one.fn]));
  await using runtime = await startTestRuntime({ functions });
  const nc = await connect({ servers: runtime.server.url });
  const js = jetstream(nc), kvm = new Kvm(nc);

  /** Publishes with the client itself, since Weir sends no other headers. */
  const publish = async ({ event, data, headers }: Case, id: string) => {
    const hdrs = natsHeaders();
    const own = { "ce-id": id, "ce-type": event.type, "ce-source": "/test", "content-type": "application/json" };
    const all = { ...own, "ce-dataschema": dataSchemaOf(event.type, event.version) };
    for (const [name, value] of Object.entries({ ...all, ...headers })) hdrs.set(name, value);
    await js.publish(event.type, JSON.stringify(data), { headers: hdrs });
  };
  const contents = async (bucket: string) => {
    const kv = await kvm.open(bucket), values: Record<string, unknown> = {};
    for await (const key of await kv.keys()) values[key] = (await kv.get(key))!.json();
    return values;
  };
  const onNats = async (one: Case, id: string, buckets: readonly string[]): Promise<Result> => {
    const mine = () => runtime.settled.filter((entry) => entry.function === nameOf(one));
    for (let times = 1; times <= (one.twice ? 2 : 1); times++) {
      await publish(one, id);
      await eventually(() => mine().length === times);
    }
    const { outcome, emitted } = mine().at(-1)!;
    const kv = Object.fromEntries(await Promise.all(buckets.map(async (name) => [name, await contents(name)])));
    return { outcome: kindOf(outcome), emitted, kv };
  };

  for (const one of CASES) {
    await t.step(one.what, async () => {
      const id = crypto.randomUUID();
      const memory = await inMemory(one, id);
      assert.equal(memory.outcome, one.outcome);
      assert.deepEqual(await onNats(one, id, Object.keys(memory.kv as object)), memory);
    });
  }
  await nc.drain();
});

Deno.test("invoke and a runtime on NATS make the same event of a plain message", async () => {
  const events: unknown[] = [];
  const legacy = defineFunction({ on: "legacy.>" }, (event) => void events.push(event));
  const LEGACY = defineStream({ name: "LEGACY", subjects: ["legacy.>"] });
  await using runtime = await startTestRuntime({ functions: { legacy }, schemas: [LEGACY] });
  const nc = await connect({ servers: runtime.server.url });
  const headers = natsHeaders();
  headers.set("Nats-Msg-Id", "m1");
  headers.set("X-Own", "b");
  const { seq: sequence } = await jetstream(nc).publish("legacy.a.b", '{"a": [1, "é"]}', { headers });
  await eventually(() => events.length === 1);
  await nc.drain();

  const recorded: RecordedEvent = {
    kind: "recorded",
    subject: "legacy.a.b",
    stream: "LEGACY",
    sequence,
    time: (events[0] as { time: string }).time,
    headers: { "Nats-Msg-Id": "m1", "X-Own": "b" },
    payload: new TextEncoder().encode('{"a": [1, "é"]}'),
  };
  assert.deepEqual((await invoke(legacy, recorded)).outcome, runtime.settled[0].outcome);
  assert.deepEqual(events[1], events[0]);
});

Deno.test("invoke and a runtime on NATS let an old event expire", async () => {
  const Old = defineEvent({ type: "old.in", version: 1, data: z.object({}) });
  const fresh = defineFunction({ on: Old, maxAge: "10ms" }, () => {});
  await using server = await startServer();
  {
    await using before = await startTestRuntime({ functions: {}, schemas: [Old], server });
    await before.publish(Old, {}, { id: "old" });
    const storedBy = Date.now() + 20;
    await eventually(() => Date.now() > storedBy);
  }
  await using runtime = await startTestRuntime({ functions: { fresh }, server });
  const { outcome } = await eventually(() => runtime.settled[0]);

  const clock = new TestClock();
  const recorded: RecordedEvent = {
    kind: "recorded",
    subject: "old.in",
    stream: "OLD",
    sequence: 1,
    time: new Date(clock.nowMs - 11).toISOString(),
    headers: {},
    payload: new TextEncoder().encode("{}"),
  };
  assert.equal(kindOf(outcome), "dead-letter expired");
  assert.equal(kindOf((await invoke(fresh, recorded, { clock })).outcome), kindOf(outcome));
});
