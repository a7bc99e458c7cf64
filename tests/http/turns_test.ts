import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { Turns } from "../../runtime/http/turns.ts";
import { NDJSON, setup } from "../support/ingress.ts";

Deno.test("Turns gives each piece of work a tick of its own, in order", async () => {
  const turns = new Turns(), order: string[] = [];
  const timer = setInterval(() => order.push("timer"), 0);
  await Promise.all([1, 2, 3].map(async (piece) => {
    await turns.next();
    order.push(`piece ${piece}`);
    const untilMs = performance.now() + 5;
    while (performance.now() < untilMs);
  }));
  clearInterval(timer);
  const between = order.slice(order.indexOf("piece 1"), order.indexOf("piece 3"));
  assert.deepEqual(order.filter((what) => what !== "timer"), ["piece 1", "piece 2", "piece 3"]);
  assert.ok(between.includes("timer"), order.join());
});

const Slow = defineEvent({ type: "orders.slow", version: 1, data: z.string().refine(slow), ingress: {} });
let checks = 0;

/** Blocks the thread as the check of a large body does. */
function slow(): boolean {
  checks++;
  const untilMs = performance.now() + 5;
  while (performance.now() < untilMs);
  return true;
}

const text = "x".repeat(10_000), line = JSON.stringify({ specversion: "1.0", type: "orders.slow", data: text });
for (
  const [what, path, contentType, body] of [
    ["large bodies", "/events/orders.slow", "application/json", JSON.stringify(text.repeat(10))],
    ["bodies of 10 kB", "/events/orders.slow", "application/json", JSON.stringify(text)],
    ["large lines", "/events", NDJSON, `${line}\n`],
  ]
) {
  Deno.test(`POST /events checks ${what} that arrive at once in ticks of their own`, async () => {
    const { send } = setup({ maxBytes: 1_000_000, events: new Map([[Slow.type as string, Slow]]) });
    checks = 0;
    const seen = new Set<number>(), timer = setInterval(() => seen.add(checks), 0);
    const headers = { "content-type": contentType, "content-length": `${body.length}` };
    const requests = Array.from({ length: 8 }, () => send(path, { body, headers }));
    const statuses = (await Promise.all(requests)).map(({ status }) => status);
    clearInterval(timer);
    assert.deepEqual(new Set(statuses), new Set([202]));
    assert.ok(seen.size >= 4, `a timer saw ${[...seen]} of 8 checks`);
  });
}
