import assert from "node:assert/strict";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { OrderInbox } from "../../runtime/engine/order_inbox.ts";
import type { OrderSource } from "../../runtime/engine/order_source.ts";
import { LEASE } from "../support/invocation.ts";

Deno.test("OrderInbox.maySettle asks the server only about what arrived before a reconnect", async () => {
  const inbox = new OrderInbox(),
    arrived = () => {
      const attempt = { turn: {}, lease: LEASE } as unknown as Attempt;
      inbox.arrived(attempt.turn!);
      return attempt;
    };
  // A process that takes over an event of RETRIES has received none of the triggers: another has had the last of these.
  inbox.source = { isLast: () => Promise.resolve(false) } as unknown as OrderSource;
  const early = arrived();
  assert.equal(await inbox.maySettle(early), true);
  inbox.renew();
  assert.deepEqual([await inbox.maySettle(early), await inbox.maySettle(arrived())], [false, true]);
});
