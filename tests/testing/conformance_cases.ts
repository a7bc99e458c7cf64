import {
  defineEvent,
  defineFunction,
  type EventDefinition,
  type FunctionDefinition,
  KvConflictError,
  NonRetryableError,
  RetryAfterError,
} from "weir";
import { z } from "zod";

/** A function and an event that must have the same result in memory and on NATS. */
export interface Case {
  readonly what: string;
  readonly fn: FunctionDefinition;
  readonly event: EventDefinition;
  readonly data: unknown;
  /** Headers in addition to those of a CloudEvent. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Set if the event is handled twice. */
  readonly twice?: true;
  /** The outcome, as its kind and reason. */
  readonly outcome: string;
}

const Out = z.object({ n: z.int(), text: z.string().optional() });
let cases = 0;

/** Defines events for one case, so that all functions may run at the same time. */
function events() {
  const name = `c${++cases}`;
  return {
    In: defineEvent({ type: `${name}.in`, version: 1, data: z.object({ n: z.int() }) }),
    Out: defineEvent({ type: `${name}.out`, version: 1, data: Out }),
  };
}

type Options = Omit<Parameters<typeof defineFunction>[0], "on" | "emits">;
type Context = Parameters<FunctionDefinition["handler"]>[1];

function one(
  what: string,
  outcome: string,
  handler: (
    given: { ctx: Context; data: { n: number }; extensions: Readonly<Record<string, string>> },
    out: EventDefinition,
  ) => unknown,
  { data = { n: 1 }, headers, twice, ...options }: Options & Partial<Pick<Case, "data" | "headers" | "twice">> = {},
): Case {
  const { In, Out } = events();
  const fn = defineFunction(
    { ...options, on: In, emits: [Out] } as Parameters<typeof defineFunction>[0],
    (event, ctx) => handler({ ctx, data: event.data as { n: number }, extensions: event.extensions }, Out),
  );
  return { what, fn: fn as FunctionDefinition, event: In, data, headers, twice, outcome };
}

/** A retry policy whose retries come after the test. */
const LATER = { retry: { initial: "1h", max: "1h", jitter: "none" } } as const;

/** A table of functions with their outcomes. */
export const CASES: readonly Case[] = [
  one("a handler that returns", "ack", () => {}),
  one("a handler that emits twice", "ack", ({ ctx, data }, Out) => {
    ctx.emit(Out, { n: data.n });
    ctx.emit(Out, { n: data.n + 1, text: "größer" });
  }),
  one("an event with an id of the author's", "ack", ({ ctx }, Out) => ctx.emit(Out, { n: 1 }, { id: "mine é %" })),
  one("a handler that emits and throws", "retry failed", ({ ctx }, Out) => {
    ctx.emit(Out, { n: 1 });
    throw new Error("no");
  }, LATER),
  one("a handler that throws at its last attempt", "dead-letter attempts-exhausted", () => {
    throw new Error("no");
  }, { retry: { attempts: 1 } }),
  one("NonRetryableError", "dead-letter rejected", () => {
    throw new NonRetryableError("never");
  }),
  one("RetryAfterError", "retry retry-after", () => {
    throw new RetryAfterError("1h");
  }),
  one("a handler that takes too long", "retry timed-out", () => new Promise(() => {}), { ...LATER, timeout: "50ms" }),
  one("data that the schema refuses", "dead-letter invalid", () => {}, { data: { n: "one" } }),
  one("data that is emitted and that the schema refuses", "retry failed", ({ ctx }, Out) => {
    ctx.emit(Out, { n: "one" } as never);
  }, LATER),
  one("an event of the same id, to a function that remembers", "ack handled-before", ({ ctx }, Out) => {
    ctx.emit(Out, { n: 1 });
  }, { idempotency: { key: () => "the-same" }, twice: true }),
  one("a failure, to a function that remembers", "retry failed", () => {
    throw new Error("no");
  }, { ...LATER, idempotency: true }),
  one("a dependency whose breaker opens", "retry dependency-open", async ({ ctx }) => {
    const call = () => ctx.dependency("Away").call(() => Promise.reject(new Error("away")));
    await call().catch(() => {});
    await call();
  }, { dependencies: { Away: { consecutiveFailures: 1, openFor: "1h" } } }),
  one("a dependency that fails and stays closed", "retry failed", async ({ ctx }) => {
    await ctx.dependency("Weak").call(() => Promise.reject(new Error("weak")));
  }, LATER),
  one("headers that are attributes of the event", "ack", ({ ctx, extensions }, Out) => {
    ctx.emit(Out, { n: 1, text: JSON.stringify(extensions) });
  }, { headers: { "ce-tenant": "acme%20inc", "ce-subject": "x" } }),
  one("values that are put, deleted and put again", "ack", async ({ ctx }) => {
    const kv = ctx.kv("put");
    await kv.put("a", { n: 1 });
    await kv.put("b", [1, null, "é"]);
    await kv.put("c", "gone");
    await kv.delete("c");
    await kv.delete("never-there");
    await kv.put("revisions", [await kv.put("d", 0), (await kv.get("a"))!.revision, await kv.create("c", "again")]);
  }),
  one("conflicts", "ack", async ({ ctx }) => {
    const kv = ctx.kv<unknown>("conflicts"), results: string[] = [];
    const tried = (run: Promise<unknown>) =>
      run.then(
        () => results.push("ok"),
        (error) => results.push(error instanceof KvConflictError ? "conflict" : "error"),
      );
    const first = await kv.create("a", 1);
    await tried(kv.create("a", 2));
    const second = await kv.update("a", 2, first);
    await tried(kv.update("a", 3, first));
    await kv.delete("a");
    await tried(kv.update("a", 4, second));
    await tried(kv.update("a", 4, 0));
    await tried(kv.update("none", 1, 7));
    await tried(kv.create("a", 5));
    await kv.put("results", results);
  }),
  one("a conflict that is not caught", "retry failed", async ({ ctx }) => {
    await ctx.kv("uncaught").create("a", 1);
    await ctx.kv("uncaught").create("a", 2);
  }, LATER),
  one("keys and buckets that NATS does not take", "ack", async ({ ctx }) => {
    const results: string[] = [];
    for (const key of ["", ".a", "a.", "a..b", "a b", "a b@c.de", "a*", ">", "ä", "a/b=c_d-e.f"]) {
      for (const method of ["get", "put", "create", "delete"] as const) {
        await ctx.kv<unknown>("keys")[method](key, 1).then(
          () => results.push(`${method} ${key}`),
          (error) => results.push(`${method} ${key}: ${error.message}`),
        );
      }
    }
    await ctx.kv("no bucket").get("a").catch((error) => results.push(error.message));
    await ctx.kv("keys").put("results", results);
  }),
];
