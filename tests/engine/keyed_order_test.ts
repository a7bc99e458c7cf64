import assert from "node:assert/strict";
import { defineFunction, type FunctionDefinition, NonRetryableError } from "weir";
import { MAX_AWAY_MS, MAX_HELD } from "../../runtime/core/order.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { KeyFailures } from "../../runtime/engine/key_failures.ts";
import type { Lease } from "../../runtime/engine/leases.ts";
import type { OrderFacts, OrderSource } from "../../runtime/engine/order_source.ts";
import type { ParkedEvents } from "../../runtime/engine/parked_events.ts";
import type { ParkedKeys } from "../../runtime/engine/parked_keys.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../../runtime/nats/retry/retry_stream.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { manualClock } from "../support/clocks.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

/** Consumers that say what a test sets. */
class Source implements OrderSource {
  sink!: Parameters<OrderSource["connect"]>[0];
  /** Unsettled messages, as the server counts them. */
  unsettled: number | undefined;
  isHolder = true;
  owner = true;
  last = true;
  readonly steppedDownMs: number[] = [];

  connect(sink: Source["sink"]): void {
    this.sink = sink;
  }
  look(): Promise<OrderFacts | undefined> {
    const { unsettled } = this;
    return Promise.resolve(unsettled === undefined ? undefined : { unsettled: { ORDERS: unsettled }, position: 1 });
  }
  follows = () => true;
  isMain = (stream: string) => stream === "ORDERS";
  owns = () => Promise.resolve(this.owner);
  idleAt = () => Promise.resolve(undefined);
  isLast = () => Promise.resolve(this.last);
  stepDown(forMs: number): void {
    this.steppedDownMs.push(forMs);
  }
}

/** A function with `order` whose handler ends as a test says. Events are texts: `sequence key`. */
function setup(
  options: Partial<FunctionDefinition["options"]> = {},
  source?: Source,
  { lease = LEASE, parked }: { lease?: Lease; parked?: ParkedEvents } = {},
) {
  const clock = manualClock(), began: string[] = [], outcomes: string[] = [], delays: number[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const handler = ({ data }: { data: unknown }) => {
    const name = data as string;
    began.push(name);
    return new Promise<void>((resolve, reject) => ends.set(name, (error) => error ? reject(error) : resolve()));
  };
  const order = { by: ({ data }: { data: unknown }) => String(data).split(" ")[1] };
  const definition = defineFunction({ on: "orders.>", order, ...options } as never, handler as never);
  const [fn] = registryOf({ ship: definition as FunctionDefinition }).functions;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    ...pipelinePorts(clock),
    settler: {
      settle: (_name, _delivery, outcome: Outcome) => {
        if (outcome.kind === "retry") delays.push(outcome.delayMs);
        return { ok: true };
      },
      extend: () => {},
    },
    observer: {
      begin() {},
      end: ({ event }, outcome) => {
        outcomes.push(`${event.data} ${outcome.kind}${"reason" in outcome ? ` ${outcome.reason}` : ""}`);
      },
      breakerChanged() {},
    },
    ...(parked && { parked }),
  });
  if (source) pipeline.order!.connect(source);
  /** Delivers events in this order. */
  const deliver = (names: readonly string[], { stream = "ORDERS", deliveryCount = 1 } = {}) => {
    const attempts = names.map((name) => {
      const messageKey = `${stream}.${name.split(" ")[0]}.1`;
      return pipeline.newAttempt({ ...delivery({ payload: JSON.stringify(name) }), messageKey, deliveryCount }, lease);
    });
    for (const attempt of attempts) void pipeline.handle(attempt);
    return settle();
  };
  const end = (name: string, error?: Error) => {
    ends.get(name)!(error);
    return settle();
  };
  return { clock, pipeline, order: pipeline.order!, began, outcomes, delays, deliver, end };
}

/** Lets promises that are due go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await null;
}

Deno.test("KeyedOrder begins the events of a key one after the other, and those of other keys at once", async () => {
  const { began, deliver, end } = setup();
  await deliver(["1 a", "2 a", "3 b", "4 a"]);
  assert.deepEqual(began, ["1 a", "3 b"]);
  await end("1 a");
  assert.deepEqual(began, ["1 a", "3 b", "2 a"]);
  await end("2 a");
  assert.deepEqual(began, ["1 a", "3 b", "2 a", "4 a"]);
});

Deno.test("KeyedOrder begins no more events at once than `concurrency` says, and the next when one ends", async () => {
  const { began, deliver, end } = setup({ concurrency: 2 });
  await deliver(["1 a", "2 b", "3 c", "4 d"]);
  assert.deepEqual(began, ["1 a", "2 b"]);
  await end("2 b");
  assert.deepEqual(began, ["1 a", "2 b", "3 c"]);
});

Deno.test("KeyedOrder keeps a key waiting while its first event is retried, also for longer than a nak lasts", async () => {
  const { clock, began, outcomes, delays, deliver, end, order } = setup({
    retry: { attempts: 3, initial: "10s", jitter: "none" },
  });
  await deliver(["1 a", "2 a"]);
  await end("1 a", new Error("down"));
  assert.deepEqual([outcomes, delays], [["1 a retry failed"], [MAX_AWAY_MS]]);
  assert.equal(order.blockedKeys, 1);
  clock.advance(MAX_AWAY_MS);
  await deliver(["1 a"], { deliveryCount: 2 });
  assert.deepEqual(outcomes[1], "1 a retry waits-for-key");
  clock.advance(6_000);
  await deliver(["1 a"], { deliveryCount: 3 });
  assert.deepEqual(began, ["1 a", "1 a"]);
  await end("1 a");
  assert.deepEqual(began, ["1 a", "1 a", "2 a"]);
});

Deno.test("MAX_AWAY_MS is below the delay that takes an event out of its consumer", () => {
  assert.ok(MAX_AWAY_MS < RETRY_STREAM_MIN_DELAY_MS);
});

for (
  const [onFailure, outcome, began] of [
    ["block", "1 a retry blocks-key", ["1 a"]],
    ["dead-letter", "1 a dead-letter attempts-exhausted", ["1 a", "2 a"]],
  ] as const
) {
  Deno.test(`KeyedOrder with \`onFailure: "${onFailure}"\` ends the last attempt of a key's first event as ${outcome}`, async () => {
    const order = { by: ({ data }: { data: unknown }) => String(data).split(" ")[1], onFailure };
    const all = setup({ order, retry: { attempts: 1 } } as never);
    await all.deliver(["1 a", "2 a"]);
    await all.end("1 a", new Error("down"));
    assert.deepEqual([all.outcomes, all.began], [[outcome], began]);
  });
}

Deno.test("KeyedOrder goes on after an event that the handler rejects", async () => {
  const { began, outcomes, deliver, end } = setup();
  await deliver(["1 a", "2 a"]);
  await end("1 a", new NonRetryableError("closed"));
  assert.deepEqual([outcomes, began], [["1 a dead-letter rejected"], ["1 a", "2 a"]]);
});

Deno.test("KeyedOrder fails the attempt of an event whose `by` throws, which holds up no other", async () => {
  const order = { by: ({ data }: { data: unknown }) => data === "1 a" ? assert.fail("no key") : "a" };
  const { began, outcomes, deliver } = setup({ order } as never);
  await deliver(["1 a", "2 a"]);
  assert.deepEqual([outcomes, began], [["1 a retry failed"], ["2 a"]]);
});

Deno.test("KeyedOrder gives back what finds no room, the events that wait for others first", async () => {
  const { clock, outcomes, deliver, began } = setup({ concurrency: 1 });
  const waiting = Array.from({ length: MAX_HELD }, (_, i) => `${i + 2} a`);
  await deliver(["1 a", ...waiting]);
  assert.deepEqual(outcomes, []);
  await deliver([`${MAX_HELD + 2} b`]);
  assert.deepEqual(outcomes, [`${MAX_HELD + 1} a retry waits-for-key`]);
  clock.advance(1);
  assert.deepEqual(began, ["1 a"]);
});

Deno.test("KeyedOrder takes as many as may wait or begin, and for idle handlers more", async () => {
  const { order, deliver } = setup({ concurrency: 2 });
  assert.equal(order.room(), MAX_HELD + 2);
  await deliver(["1 a", ...Array.from({ length: MAX_HELD }, (_, i) => `${i + 2} a`)]);
  assert.equal(order.room(), 1);
});

Deno.test("KeyedOrder begins nothing after a takeover until it knows all that is unsettled", async () => {
  const source = new Source(), { clock, began, deliver, order } = setup({}, source);
  source.unsettled = 3; // one of them is with another process
  await deliver(["5 a", "6 b"]);
  clock.advance(0);
  await settle();
  assert.deepEqual([began, order.state], [[], "taking-over"]);
  await deliver(["4 a"], { deliveryCount: 2 }); // that process has ended
  clock.advance(20);
  await settle();
  assert.deepEqual([began, order.state], [["6 b", "4 a"], "holder"]);
});

Deno.test("KeyedOrder starts over when what it knows is settled elsewhere", async () => {
  const source = new Source(), { clock, began, outcomes, deliver } = setup({}, source);
  source.unsettled = 1;
  await deliver(["5 a", "6 b"]);
  clock.advance(0);
  await settle();
  assert.deepEqual([began, outcomes], [[], ["5 a retry waits-for-key", "6 b retry waits-for-key"]]);
});

Deno.test("KeyedOrder waits for no event that does not come back: it was redelivered while its ack was under way", async () => {
  const source = new Source(), { clock, pipeline, order, began, outcomes, deliver, end } = setup({}, source);
  source.unsettled = 1;
  await deliver(["1 a"]);
  clock.advance(0);
  await settle();
  await end("1 a");
  const again = { ...delivery({ payload: '"1 a"' }), messageKey: "ORDERS.1.1", deliveryCount: 2 };
  await pipeline.giveBack(pipeline.newAttempt(again, LEASE), "prefetched");
  await deliver(["2 a"]);
  clock.advance(60_000);
  await settle();
  assert.deepEqual([began, outcomes.at(-1), order.state], [["1 a"], "2 a retry waits-for-key", "taking-over"]);
  await deliver(["2 a"], { deliveryCount: 2 });
  clock.advance(0);
  await settle();
  assert.deepEqual(began, ["1 a", "2 a"]);
});

Deno.test("KeyedOrder waits for no event that does not come back, and was delivered after the one that waits", async () => {
  const source = new Source(), { clock, pipeline, order, began, outcomes, deliver } = setup({}, source);
  source.unsettled = 2;
  await deliver(["2 a"]);
  const earlier = { ...delivery({ payload: '"1 a"' }), messageKey: "ORDERS.1.1", deliveryCount: 2 };
  await pipeline.giveBack(pipeline.newAttempt(earlier, LEASE), "prefetched");
  clock.advance(0);
  await settle();
  clock.advance(90_000);
  await settle();
  assert.deepEqual([began, outcomes.at(-1), order.state], [[], "2 a retry waits-for-key", "taking-over"]);
});

Deno.test("KeyedOrder gives back what waits when a delivery may have gone elsewhere, and takes over again", async () => {
  const source = new Source(), { clock, began, outcomes, deliver, order } = setup({}, source);
  source.unsettled = 2;
  await deliver(["1 a", "2 a"]);
  clock.advance(0);
  await settle();
  assert.deepEqual(began, ["1 a"]);
  source.sink.reset(true);
  await settle();
  assert.deepEqual([outcomes, order.state], [["2 a retry waits-for-key"], "taking-over"]);
});

for (const [last, kind] of [[true, "ack"], [false, "lease-expired"]] as const) {
  Deno.test(`KeyedOrder ends a run over a lost connection as ${kind} if another process ${last ? "cannot" : "may"} have its event`, async () => {
    const source = new Source(), { clock, outcomes, deliver, end } = setup({}, source);
    source.unsettled = 1;
    source.last = last;
    await deliver(["1 a"]);
    clock.advance(0);
    await settle();
    source.sink.reset(false);
    await end("1 a");
    assert.deepEqual(outcomes, [`1 a ${kind}`]);
  });
}

Deno.test("KeyedOrder settles no run over a lost connection whose lease expired while the server was asked", async () => {
  const source = new Source(), lease = { ...LEASE, isValid: () => isValid };
  let isValid = true;
  const { clock, outcomes, deliver, end } = setup({}, source, { lease });
  source.unsettled = 1;
  source.isLast = () => Promise.resolve(!(isValid = false)); // the process stands still before it reads the answer
  await deliver(["1 a"]);
  clock.advance(0);
  await settle();
  source.sink.reset(false);
  await end("1 a");
  assert.deepEqual(outcomes, ["1 a lease-expired"]);
});

for (const owner of [true, false]) {
  Deno.test(`KeyedOrder ${owner ? "begins" : "gives back"} an event of RETRIES ${owner ? "while" : "once"} this process ${owner ? "receives" : "no longer receives"} the others`, async () => {
    const source = new Source(), { clock, began, deliver } = setup({}, source);
    source.unsettled = 0;
    source.owner = owner;
    await deliver(["1 a"], { stream: "RETRIES" });
    clock.advance(0);
    await settle();
    assert.deepEqual(began, owner ? ["1 a"] : []);
  });
}

Deno.test("KeyedOrder.close gives back what waits", async () => {
  const { began, outcomes, deliver, order } = setup();
  await deliver(["1 a", "2 a"]);
  order.close();
  await settle();
  assert.deepEqual([began, outcomes], [["1 a"], ["2 a retry waits-for-key"]]);
});

Deno.test("KeyFailures parks the key of an event whose process died before its dead letter was stored", () => {
  const parked: string[] = [];
  const keys = { park: (key: string) => parked.push(key) > 0 } as unknown as ParkedKeys;
  const failures = new KeyFailures({ by: () => "a", onFailure: "park" }, keys);
  const error = { name: "Error", message: "down" };
  const ending = { kind: "dead-letter", reason: "attempts-exhausted", attempts: 1, error, orderKey: "a" } as const;
  const attempt = (known: typeof ending | undefined) => ({ turn: { key: "a" }, ending: known }) as unknown as Attempt;
  assert.deepEqual(failures.decided(attempt(ending), ending), ending);
  assert.deepEqual(parked, ["a"]);
  const { orderKey: _, ...first } = ending;
  assert.deepEqual(failures.decided(attempt(undefined), first), ending);
  assert.deepEqual(parked, ["a", "a"]);
  const behind = { ...ending, reason: "parked" } as const;
  assert.deepEqual(failures.decided({ ...attempt(ending), ending: behind } as unknown as Attempt, behind), behind);
  assert.deepEqual(parked, ["a", "a"]);
});

Deno.test("KeyFailures.unpark lets an event run whose key is parked no more, and keeps any other end", () => {
  for (const [reason, isParked, ends] of [["parked", false, false], ["parked", true, true], ["crashed", false, true]]) {
    const keys = { has: () => isParked } as unknown as ParkedKeys;
    const attempt = { turn: { key: "a" }, ending: { kind: "dead-letter", reason } } as unknown as Attempt;
    new KeyFailures({ by: () => "a", onFailure: "park" }, keys).unpark(attempt);
    assert.equal(attempt.ending !== undefined, ends);
  }
});

Deno.test("KeyedOrder gives an event back if all parked keys were forgotten after its turn had come", async () => {
  const source = new Source(), asked = Promise.withResolvers<boolean>();
  source.unsettled = 1;
  const parked = { load: () => Promise.resolve([]), stored: () => Promise.resolve(0) } as unknown as ParkedEvents;
  const order = { by: ({ data }: { data: unknown }) => String(data).split(" ")[1], onFailure: "park" } as const;
  const lease = { ...LEASE, isValid: () => asked.promise };
  const { clock, began, outcomes, deliver } = setup({ order }, source, { lease, parked });
  await deliver(["1 a"]);
  clock.advance(1_000);
  await settle();
  source.sink.reset(true);
  asked.resolve(true);
  await settle();
  assert.deepEqual([began, outcomes], [[], ["1 a retry waits-for-key"]]);
});
