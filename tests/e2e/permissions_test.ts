import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const OrderCreated = defineEvent({ type: "orders.created", version: 1, data: z.object({ n: z.int() }) });
const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: z.object({ n: z.int() }) });

/** Returns the permissions of a NATS user in deploy/README.md. */
async function permissionsOf(user: string): Promise<string> {
  const text = await Deno.readTextFile(new URL("../../deploy/README.md", import.meta.url));
  const [, permissions] = new RegExp("```\n" + user + ": (\\{[^`]*\\})\n```").exec(text)!;
  return permissions;
}

Deno.test("start and events tail need no permission beyond those in deploy/README.md", async () => {
  const user = async (name: string) => `{ user: ${name}, password: secret, permissions: ${await permissionsOf(name)} }`;
  const users = [await user("weir"), await user("look"), "{ user: all, password: secret }"].join("\n");
  const violations: string[] = [];
  await using server = await startServer({
    config: `authorization { users: [${users}] }\nno_auth_user: all`,
    log: (line) => void (/violation/i.test(line) && violations.push(line)),
  });
  await using project = await copyProject();
  const known = { idempotency: true, breaker: { consecutiveFailures: 1_000 } } as const;
  const reserves = defineFunction({ on: OrderCreated, emits: [StockReserved], ...known }, async (event, ctx) => {
    await ctx.kv<number>("seen").put(String(event.data.n), event.data.n);
    if (ctx.attempt === 1 && event.data.n === 1) throw new RetryAfterError(5_500); // long enough to be delayed
    ctx.emit(StockReserved, { n: event.data.n });
  });
  const refuses = defineFunction({ on: StockReserved }, () => {
    throw new NonRetryableError("not this one");
  });
  await using runtime = await startTestRuntime({
    functions: { reserves, refuses },
    server,
    env: { NATS_USER: "weir", NATS_PASSWORD: "secret" },
  });
  await using looks = startWeir(project.path, ["events", "tail", "--json"], {
    NATS_URL: server.url,
    NATS_USER: "look",
    NATS_PASSWORD: "secret",
  });
  await runtime.publish(OrderCreated, { n: 1 });
  const expected = ['{"kind":"published"', '{"kind":"settled"', '"dead-letter"'];
  let n = 2;
  await eventually(async () => { // `events tail` does not announce when it listens
    await runtime.publish(OrderCreated, { n: n++ });
    return expected.every((text) => looks.lines.some((line) => line.includes(text)));
  }, { every: 100 });
  await runtime.waitForEvent(StockReserved, ({ n }) => n === 1);
  const letter = await runtime.waitForDeadLetter("refuses");
  assert.equal(letter.headers["weir-reason"], "rejected");
  assert.deepEqual(looks.lines.filter((line) => !line.startsWith("{")), []);
  assert.deepEqual(violations, []);
});
