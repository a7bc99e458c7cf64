import assert from "node:assert/strict";
import { AckPolicy } from "@nats-io/jetstream";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { DeadLetterService } from "../../../runtime/nats/dead_letters/service.ts";
import { retryDurable } from "../../../runtime/nats/retry/resources.ts";
import { delivery } from "../../support/deliveries.ts";
import { rejected, startSettling } from "../../support/settling.ts";
import { setClock } from "../../support/skewed_date.ts";

for (const offByMs of [0, 3_600_000, -3_600_000]) {
  Deno.test(`DeadLetterService.list judges ages by the server's clock, on a host whose clock is ${offByMs} ms off`, async () => {
    await using settling = await startSettling();
    using _ = setClock(offByMs);
    await settling.deadLetters.store("handle", delivery(), rejected("no"));
    const { nc, jsm, publisher: messages } = settling, service = new DeadLetterService({ nc, jsm, messages });
    const count = async (ages: { olderThanMs?: number; newerThanMs?: number }) =>
      (await Array.fromAsync(service.list(ages))).length;
    assert.equal(await count({ olderThanMs: 60_000 }), 0);
    assert.equal(await count({ newerThanMs: 60_000 }), 1);
    assert.equal(await count({ olderThanMs: 0 }), 1);
  });
}

Deno.test("DeadLetterService.discard sends back what was parked behind a dead letter, unless a redrive of that was interrupted", async (t) => {
  for (const interrupted of [false, true]) {
    await t.step(interrupted ? "with an interrupted redrive" : "without one", async () => {
      await using settling = await startSettling();
      const { nc, jsm, publisher: messages, deadLetters } = settling;
      const { stream, consumer, filters } = retryDurable("handle", NO_NAMESPACE);
      await jsm.consumers.add(stream, {
        durable_name: consumer,
        filter_subjects: [...filters],
        ack_policy: AckPolicy.Explicit,
      });
      const store = (sequence: number, reason: "attempts-exhausted" | "parked") =>
        deadLetters.store("handle", { ...delivery(), sequence }, { ...rejected("no"), reason, orderKey: "a" });
      await store(1, "attempts-exhausted");
      await store(2, "parked");
      const service = new DeadLetterService({ nc, jsm, messages }, () => Promise.resolve(true));
      if (interrupted) await nc.request("retries.redriven.handle.1.orders.created", "{}", { timeout: 30_000 });
      assert.equal(await service.discard(1), true);
      const left = (await Array.fromAsync(service.list({}))).map(({ sequence }) => sequence);
      assert.deepEqual(left, interrupted ? [2] : []);
    });
  }
});
