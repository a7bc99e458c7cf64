import assert from "node:assert/strict";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { NonRetryableError, RetryAfterError } from "../../runtime/api/errors.ts";
import { connectCluster } from "../../runtime/app/cluster.ts";
import { type Config, readConfig } from "../../runtime/app/config.ts";
import { type Runtime, startRuntime } from "../../runtime/app/runtime.ts";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { z } from "zod";
import { eventually } from "./eventually.ts";

const OrderCreated = defineEvent({
  type: "orders.created",
  version: 1,
  data: z.object({ n: z.int() }),
  ingress: {},
});
const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: z.object({ n: z.int() }) });

/** A runtime of one function, and what it has done. */
export interface FormRuntime extends AsyncDisposable {
  readonly config: Config;
  readonly runtime: Runtime;
  /** How often each event was handled to its end. */
  readonly handled: ReadonlyMap<number, number>;
  readonly lines: readonly { level: string; message: string; [field: string]: unknown }[];
  /** Publishes an event over HTTP. Resolves to the status of the response. */
  publish(n: number, key?: string): Promise<number>;
}

/** Delays of the first attempt, in milliseconds: one that naks, and one that waits in RETRIES. */
const NAKED = 2, DELAYED = 3, REJECTED = 4, DELAYS: Record<number, number> = { [NAKED]: 50, [DELAYED]: 5_000 };

/** Starts a runtime with these variables. */
export async function startForm(env: Readonly<Record<string, string>>): Promise<FormRuntime> {
  const all: Record<string, string> = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", ...env };
  const read = () => readConfig({ get: (name) => all[name], readFile: (path) => Deno.readTextFileSync(path) });
  const config = read();
  const handled = new Map<number, number>(), lines: FormRuntime["lines"][number][] = [];
  let rejects = true;
  const works = defineFunction(
    { on: OrderCreated, emits: [StockReserved], idempotency: true },
    async ({ data: { n } }, ctx) => {
      await ctx.kv<number>("seen").put(String(n), n);
      if (ctx.attempt === 1 && n in DELAYS) throw new RetryAfterError(DELAYS[n]);
      if (n === REJECTED && rejects) {
        rejects = false;
        throw new NonRetryableError("not yet");
      }
      ctx.emit(StockReserved, { n });
      handled.set(n, (handled.get(n) ?? 0) + 1);
    },
  );
  const registry = buildRegistry(
    [{ file: "schemas/orders.ts", exports: { OrderCreated, StockReserved } }],
    [{ file: "functions/works.ts", exports: { default: works } }],
  );
  const log = new Logger({
    level: "info",
    format: "json",
    write: (line) => lines.push(JSON.parse(line)),
  });
  const runtime = await startRuntime(config, registry, log, { readConfig: read });
  return {
    config,
    runtime,
    handled,
    lines,
    publish: async (n, key) => {
      const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
      const body = JSON.stringify({ n });
      const response = await fetch(`${runtime.url}/events/orders.created`, { method: "POST", headers, body });
      await response.body?.cancel();
      return response.status;
    },
    [Symbol.asyncDispose]: () => runtime.stop(),
  };
}

/**
 * Handles events, retries one at once and one later, and redrives a dead letter, on a connection with these variables.
 */
export async function exerciseForm(env: Readonly<Record<string, string>>): Promise<void> {
  await using form = await startForm(env);
  const { config, runtime, handled } = form, all = [1, NAKED, DELAYED, REJECTED];
  for (const n of all) assert.equal(await form.publish(n), 202);
  const [letter] = await eventually(async () => {
    const letters = await (await fetch(`${runtime.adminUrl}/dead-letters`)).json();
    return letters.length > 0 && letters;
  });
  assert.equal(letter.reason, "rejected");
  const redrive = await fetch(`${runtime.adminUrl}/dead-letters/${letter.sequence}/redrive`, { method: "POST" });
  assert.equal(redrive.status, 202, await redrive.text());
  await eventually(() => all.every((n) => handled.has(n)));
  const cluster = await connectCluster(config);
  try {
    for (const stream of ["ORDERS", "RETRIES"]) {
      await eventually(async () => {
        const { num_pending, num_ack_pending } = await cluster.jsm.consumers.info(stream, "works");
        return num_pending + num_ack_pending === 0;
      });
    }
    assert.equal((await cluster.jsm.streams.info("STOCK")).state.messages, all.length);
    await eventually(async () => (await cluster.jsm.streams.info("DEAD_LETTERS")).state.messages === 0);
  } finally {
    await cluster.close();
  }
  assert.deepEqual(all.map((n) => handled.get(n)), all.map(() => 1));
  const health = await (await fetch(`${runtime.adminUrl}/health/ready`)).json();
  assert.equal(health.status, "OK", JSON.stringify(health));
  assert.deepEqual(
    form.lines.filter(({ level, message }) => level === "error" && message !== "dead letter: rejected"),
    [],
  );
}
