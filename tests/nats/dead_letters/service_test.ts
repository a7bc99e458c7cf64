import assert from "node:assert/strict";
import { DeadLetterService } from "../../../runtime/nats/dead_letters/service.ts";
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
