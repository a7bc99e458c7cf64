import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** Waits in the consumer for the shorter delay, in the stream RETRIES for the longer one. */
const DELAYS = { nacked: "1s", delayed: "6s" } as const;

Deno.test("retry.attempts that is lowered while retries wait ends them with their last error, not as `crashed`", async () => {
  await using server = await startServer();
  const functions = (attempts: number) =>
    Object.fromEntries(
      Object.entries(DELAYS).map(([name, delay]) => [
        name,
        defineFunction({ on: Asked, retry: { attempts } }, (_event, ctx) => {
          if (attempts === 1) throw new NonRetryableError("ran again");
          throw new RetryAfterError(ctx.attempt === 1 ? 1 : delay, `no stock, attempt ${ctx.attempt}`);
        }),
      ]),
    );
  {
    await using runtime = await startTestRuntime({ functions: functions(5), server });
    await runtime.publish(Asked, { n: 1 });
    const failed = () => runtime.settled.filter(({ outcome }) => outcome.kind === "retry" && outcome.usesAttempt);
    await eventually(() => failed().length === 4);
  }
  await using runtime = await startTestRuntime({ functions: functions(1), server });
  for (const name of Object.keys(DELAYS)) {
    const { headers } = await runtime.waitForDeadLetter(name);
    assert.deepEqual(
      [headers["weir-reason"], headers["weir-attempts"], headers["weir-error"]],
      ["attempts-exhausted", "2", "RetryAfterError: no stock, attempt 2"],
      name,
    );
  }
});
