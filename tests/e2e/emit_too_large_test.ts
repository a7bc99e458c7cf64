import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ size: z.int() }) });
const Answered = defineEvent({ type: "answers.given", version: 1, data: z.object({ text: z.string() }) });

for (
  const [what, size, maxMessageBytes, error] of [
    [
      "max_payload of the server",
      2_000_000,
      -1,
      /^PublishError: a message for "answers\.given" .* is over the server's/,
    ],
    ["max_msg_size of the stream", 20_000, 10_000, /^PublishError: a message for "answers\.given" is larger than/],
  ] as const
) {
  Deno.test(`ctx.emit of an event over ${what} dead-letters its cause at once as rejected`, async () => {
    const attempts: number[] = [];
    const answer = defineFunction(
      { on: Asked, emits: [Answered], retry: { attempts: 3, initial: "10ms" } },
      ({ data }, ctx) => {
        attempts.push(ctx.attempt);
        ctx.emit(Answered, { text: "x".repeat(data.size) });
      },
    );
    await using runtime = await startTestRuntime({ functions: { answer }, env: { LOG_LEVEL: "error" } });
    const nc = await connect({ servers: runtime.server.url });
    await (await jetstreamManager(nc)).streams.update("ANSWERS", { max_msg_size: maxMessageBytes });
    await nc.close();
    await runtime.publish(Asked, { size });
    const { headers } = await runtime.waitForDeadLetter("answer");
    assert.deepEqual([headers["weir-reason"], headers["weir-attempts"]], ["rejected", "1"]);
    assert.match(headers["weir-error"], error);
    await runtime.publish(Asked, { size: 1 });
    await runtime.waitForEvent(Answered);
    assert.deepEqual(attempts, [1, 1]);
  });
}
