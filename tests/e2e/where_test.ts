import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";

const Sent = defineEvent({ type: "letters.sent", version: 1, data: z.object({ topic: z.string() }) });

Deno.test("where acks what it skips, retries what it throws on, and is in metrics and the admin listener", async () => {
  const ran: string[] = [];
  const offers = defineFunction({
    on: Sent,
    retry: { attempts: 2, initial: "1ms" },
    where: ({ data: { topic } }) => {
      if (topic === "broken") throw new Error("no such topic");
      return topic === "offers";
    },
  }, ({ data: { topic } }) => void ran.push(topic));
  await using runtime = await startTestRuntime({ functions: { offers } });
  for (const topic of ["news", "offers", "news"]) await runtime.publishAndSettle(Sent, { topic });
  const { settled } = await runtime.publishAndSettle(Sent, { topic: "broken" });
  assert.deepEqual(settled.map(({ outcome }) => outcome.kind), ["retry", "dead-letter"]);
  await runtime.waitForDeadLetter("offers");
  assert.deepEqual(ran, ["offers"]);
  const page = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
  assert.match(page, /weir_function_outcomes_total\{function="offers",outcome="ack",reason="filtered"\} 2\n/);
  assert.match(page, /weir_function_attempts_total\{function="offers"\} 1\n/);
  const [status] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
  assert.equal(status.policy.where, "its own");
  await eventually(async () => {
    const [{ ackPending }] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
    return ackPending === 0;
  });
});
