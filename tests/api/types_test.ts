import assert from "node:assert/strict";
import {
  defineEvent,
  defineFunction,
  type EventDefinition,
  type EventOf,
  type HandlerContext,
  RetryAfterError,
  type WeirEvent,
} from "weir";
import { invoke } from "weir/testing";
import type { FunctionOptions } from "../../runtime/api/define_function.ts";
import { z } from "zod";
import { copyProject } from "../support/project.ts";
import { typeCheck } from "../support/type_check.ts";

// Most of these tests fail at compile time: an expected error that does not occur is an error.

const Created = defineEvent({
  type: "orders.created",
  version: 1,
  data: z.object({ orderId: z.string(), quantity: z.int().default(1) }),
});
const Paid = defineEvent({ type: "payments.captured", version: 1, data: z.object({ chargeId: z.string() }) });
const Mailed = defineEvent({ type: "mail.sent", version: 1, data: z.object({ to: z.string() }) });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Order = { orderId: string; quantity: number };

Deno.test("defineFunction types the data by the schema of its event", () => {
  const definition = defineFunction({ on: Created }, (event) => {
    const data: Same<typeof event.data, Order> = true;
    const type: Same<typeof event.type, "orders.created"> = true;
    // @ts-expect-error: the schema has no such field
    void event.data.orderNumber;
    // @ts-expect-error: a number is no text
    const text: string = event.data.quantity;
    return [data, type, text];
  });
  assert.equal(definition.kind, "function");
});

Deno.test("defineFunction types the data of several events as a union over type", () => {
  const definition = defineFunction({ on: [Created, Paid] }, (event) => {
    const data: Same<typeof event.data, Order | { chargeId: string }> = true;
    if (event.type === "payments.captured") return event.data.chargeId;
    // @ts-expect-error: this is the other event
    void event.data.chargeId;
    return [data, event.data.orderId];
  });
  assert.equal(definition.kind, "function");
});

Deno.test("defineFunction types the data of a raw pattern as unknown, alone or beside an event", () => {
  const raw = defineFunction({ on: "legacy.>" }, (event) => {
    const data: Same<typeof event.data, unknown> = true;
    // @ts-expect-error: nothing is known of it
    void event.data.orderId;
    return data;
  });
  const mixed: Same<EventOf<readonly [typeof Created, "legacy.>"]>["data"], unknown> = true;
  const single: Same<EventOf<typeof Paid>, WeirEvent<"payments.captured", { chargeId: string }>> = true;
  assert.deepEqual([raw.kind, mixed, single], ["function", true, true]);
});

/** Has the types of `invoke` without the runtime, whose types take ten times as long to check. */
const NAMED = `
import { defineEvent, defineFunction, type EventOf, type FunctionDefinition, type WeirEvent } from "weir";
import type { DataOf } from "${import.meta.resolve("../../runtime/testing/invoke_options.ts")}";
import { z } from "zod";
import type { OrderCreated } from "../schemas/orders.ts";
import type { StockReserved } from "../schemas/stock.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const Paid = defineEvent({ type: "payments.made", version: 1, data: z.object({ chargeId: z.string() }) });
const alone: Same<EventOf<"orders.created">, EventOf<typeof OrderCreated>> = true;
const list: Same<
  EventOf<readonly ["orders.created", "stock.reserved"]>,
  EventOf<typeof OrderCreated | typeof StockReserved>
> = true;
const mixed: Same<EventOf<readonly [typeof Paid, "orders.created"]>, EventOf<typeof Paid | typeof OrderCreated>> = true;
const other: Same<EventOf<"orders.creatd">, WeirEvent<string, unknown>> = true;
export default defineFunction({ on: ["orders.created", Paid] }, (event) => {
  if (event.type === "payments.made") return event.data.chargeId;
  // @ts-expect-error: an order has no such field
  void event.data.chargeId;
  return event.data.orderId;
});
declare function invoke<On extends string>(fn: FunctionDefinition<On>, data: DataOf<On>): void;
const book = defineFunction({ on: "orders.created" }, () => {});
invoke(book, { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1 });
// @ts-expect-error: an order has items
invoke(book, { orderId: "o1", total: 1 });
export const all = [alone, list, mixed, other];
`;

Deno.test("defineFunction resolves a type given as text to its event: alone, in a list, beside definitions and in invoke", async () => {
  await using project = await copyProject();
  const wrong = NAMED.replace("EventOf<typeof OrderCreated>>", "1>");
  await Deno.writeTextFile(`${project.path}/functions/named.ts`, NAMED);
  await Deno.writeTextFile(`${project.path}/functions/wrong.ts`, wrong);
  const errors = await typeCheck(project.path, "functions/named.ts", "functions/wrong.ts");
  assert.match(errors, /Type 'true' is not assignable to type 'false'/);
  assert.doesNotMatch(errors, /named\.ts/);
});

Deno.test("emit takes the schema's input, of declared events only", () => {
  const definition = defineFunction({ on: Created, emits: [Paid, Created] }, (_event, ctx) => {
    ctx.emit(Paid, { chargeId: "c1" });
    ctx.emit(Created, { orderId: "o1" }); // what has a default may be left out
    ctx.emit(Paid, { chargeId: "c1" }, { id: "own" });
    // @ts-expect-error: a number is no chargeId
    ctx.emit(Paid, { chargeId: 7 });
    // @ts-expect-error: chargeId is missing
    ctx.emit(Paid, {});
    // @ts-expect-error: that is another event's data
    ctx.emit(Paid, { orderId: "o1" });
    // @ts-expect-error: Mailed is not in `emits`
    ctx.emit(Mailed, { to: "a@b.c" });
    // @ts-expect-error: an event by its type's text is none
    ctx.emit("payments.captured", { chargeId: "c1" });
    // @ts-expect-error: no such option
    ctx.emit(Paid, { chargeId: "c1" }, { after: "1h" });
    ctx.emit(Paid, { chargeId: "c1" }, { delay: "1h", key: "own" });
    // @ts-expect-error: a time is a Date
    ctx.emit(Paid, { chargeId: "c1" }, { at: "2026-01-01" });
    ctx.cancel("own");
    ctx.emit(Math.random() < 0.5 ? Paid : Created, { chargeId: "c1" });
    const { emit } = ctx;
    emit(Paid, { chargeId: "c1" });
  });
  assert.equal(definition.kind, "function");
});

Deno.test("defineFunction types the events of a batch by its triggers, and wants the cause of what is emitted", () => {
  const batch = { size: 100 };
  const stored = defineFunction({ on: [Created, Paid], emits: [Mailed], batch }, (events, ctx) => {
    for (const event of events) {
      const type: Same<typeof event.data, Order | { chargeId: string }> = true;
      ctx.emit(Mailed, { to: `${event.id} ${type}` }, { cause: event });
      ctx.batch.fail(event, new Error("no"));
    }
    // @ts-expect-error: events is a list
    void events.data;
    // @ts-expect-error: the cause is missing
    ctx.emit(Mailed, { to: "a@b.c" });
    // @ts-expect-error: Paid is not in `emits`
    ctx.emit(Paid, { chargeId: "c1" }, { cause: events[0] });
    // @ts-expect-error: no event
    ctx.batch.fail("e1", new Error("no"));
    return ctx.kv<number>("counts");
  });
  const raw = defineFunction({ on: "legacy.>", decode: "bytes", batch }, (events) => {
    const data: Same<(typeof events)[number]["data"], Uint8Array<ArrayBuffer>> = true;
    return data;
  });
  const single = defineFunction({ on: Created, batch: undefined }, (event) => event.data.orderId);
  const tests = () => [
    invoke(stored, [{ orderId: "o1" }, { chargeId: "c1" }]).then(({ events }) => events[0].outcome),
    invoke(single, { orderId: "o1" }).then(({ outcome }) => outcome),
    // @ts-expect-error: the data of a function with batches is a list
    invoke(stored, { orderId: "o1" }),
    // @ts-expect-error: a number is no order
    invoke(stored, [7]),
  ];
  assert.deepEqual([stored.kind, raw.kind, typeof tests], ["function", "function", "function"]);
});

Deno.test("HandlerContext accepts the context of any function", () => {
  const any = (ctx: HandlerContext) => ctx.emit(Mailed, { to: "a@b.c" });
  const some = (ctx: HandlerContext<readonly [typeof Paid]>) => ctx.emit(Paid, { chargeId: "c1" });
  const list = (ctx: HandlerContext<(typeof Paid)[]>) => ctx.emit(Paid, { chargeId: "c1" });
  const part = ({ emit }: Pick<HandlerContext, "emit">) => emit(Paid, { chargeId: "c1" });
  const event = <D extends EventDefinition>(ctx: HandlerContext, definition: D, data: z.input<D["data"]>) =>
    ctx.emit(definition, data);
  const made = [
    defineFunction({ on: Created }, (_event, ctx) => any(ctx)),
    defineFunction({ on: Created, emits: [Created, Paid] }, (_event, ctx) => {
      any(ctx), some(ctx), list(ctx), part(ctx);
      event(ctx, Paid, { chargeId: "c1" });
      // @ts-expect-error: a number is no chargeId
      event(ctx, Paid, { chargeId: 7 });
    }),
    defineFunction({ on: Created, emits: [Paid] as EventDefinition[] }, (_event, ctx) => {
      any(ctx), some(ctx);
      ctx.emit(Mailed, { to: "a@b.c" }); // what the list holds is not known
    }),
  ];
  assert.equal(made.length, 3);
});

Deno.test("emit accepts no event in a function without `emits`", () => {
  const definition = defineFunction({ on: Created }, (_event, ctx) => {
    // @ts-expect-error: Paid is not in `emits`
    ctx.emit(Paid, { chargeId: "c1" });
  });
  assert.equal(definition.kind, "function");
});

Deno.test("defineFunction refuses an unknown option at any depth", () => {
  const handler = () => {};
  const made = [
    // @ts-expect-error: timeout
    defineFunction({ on: Created, tymeout: "5s" }, handler),
    // @ts-expect-error: attempts
    defineFunction({ on: Created, retry: { atempts: 3 } }, handler),
    // @ts-expect-error: openFor
    defineFunction({ on: Created, breaker: { openfor: "1s" } }, handler),
    // @ts-expect-error: openFor
    defineFunction({ on: Created, dependencies: { Payments: { openfor: "1s" } } }, handler),
    // @ts-expect-error: it needs to know what wakes it
    defineFunction({ emits: [Paid] }, handler),
  ];
  assert.equal(made.length, 5);
});

Deno.test("Duration is a number or text with a unit", () => {
  const durations: FunctionOptions["timeout"][] = [
    250,
    "250ms",
    "1.5s",
    "7d",
    // @ts-expect-error: no such unit
    "1w",
    // @ts-expect-error: no unit
    "250",
    // @ts-expect-error: no number
    "soon",
    // @ts-expect-error: a word is no unit
    "5 minutes",
  ];
  // @ts-expect-error: no such unit
  defineFunction({ on: Created, retry: { initial: "1y" } }, () => {});
  // The value of a header is any text, so the compiler accepts it.
  assert.throws(() => new RetryAfterError("soon"), TypeError);
  assert.equal(durations.length, 8);
});

Deno.test("RetryOptions refuses an unknown jitter", () => {
  // @ts-expect-error: full or none
  const definition = defineFunction({ on: Created, retry: { jitter: "half" } }, () => {});
  assert.equal(definition.kind, "function");
});

Deno.test("defineFunction types the event of `where` by its triggers", () => {
  const one = defineFunction({
    on: Created,
    where: ({ data }) => {
      const same: Same<typeof data, Order> = true;
      return same;
    },
  }, () => {});
  const raw = defineFunction({ on: "legacy.>", decode: "text", where: ({ data }) => data.length > 0 }, () => {});
  // @ts-expect-error: true or false, not a promise
  defineFunction({ on: Created, where: () => Promise.resolve(true) }, () => {});
  assert.deepEqual([one.kind, raw.kind], ["function", "function"]);
});

Deno.test("defineFunction types the data of raw patterns by `decode`, also for an idempotency key", () => {
  const legacy = { pattern: "legacy.>", stream: "LEGACY" } as const;
  const text = defineFunction({ on: legacy, decode: "text" }, (event) => {
    const data: Same<typeof event.data, string> = true;
    return [data, event.headers.get("x")?.length];
  });
  const bytes = defineFunction({
    on: ["legacy.a", legacy],
    decode: "bytes",
    idempotency: { key: ({ data }) => `${data.length}` },
  }, ({ data }) => {
    const same: Same<typeof data, Uint8Array<ArrayBuffer>> = true;
    return same;
  });
  const json = defineFunction({ on: legacy, decode: "json" }, ({ data }) => {
    const same: Same<typeof data, unknown> = true;
    return same;
  });
  const none = defineFunction({ on: legacy }, ({ data }) => {
    const same: Same<typeof data, unknown> = true;
    return same;
  });
  // @ts-expect-error: a pattern needs its stream
  defineFunction({ on: { pattern: "legacy.>" } }, () => {});
  assert.deepEqual([text, bytes, json, none].map(({ kind }) => kind), Array(4).fill("function"));
});
