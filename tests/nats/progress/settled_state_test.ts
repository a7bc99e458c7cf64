import assert from "node:assert/strict";
import type { Delivery } from "../../../runtime/core/delivery.ts";
import type { Outcome } from "../../../runtime/core/outcome.ts";
import { SettledStates } from "../../../runtime/nats/progress/settled_state.ts";
import { eventually } from "../../support/eventually.ts";
import { rejected, startSettling } from "../../support/settling.ts";

const ACK: Outcome = { kind: "ack" }, FAILED = { name: "Error", message: "no" };
const LATER: Outcome = { kind: "retry", delayMs: 3_600_000, reason: "failed", usesAttempt: true, error: FAILED };

Deno.test("SettledStates tells of each event whether its function is done with it", async () => {
  await using orders = await startSettling();
  const { settler } = orders, states = new SettledStates(orders.jsm);
  const stateOf = ({ stream, sequence, storedAtMs }: Delivery, fn = "handle") =>
    states.read({ id: "", source: "", type: "", stream, sequence, storedAtMs, extensions: {} }, fn);
  const settle = (delivery: Delivery, outcome: Outcome) =>
    settler.settle("handle", delivery, outcome, { attempts: 1, excusedDeliveries: 0 });
  await orders.publish(4);
  const [first, dead, delayed, last] = [
    await orders.next(),
    await orders.next(),
    await orders.next(),
    await orders.next(),
  ];
  assert.equal(await stateOf(first), "pending");
  assert.equal(await stateOf({ ...first, sequence: 5 }), "pending"); // not delivered yet
  assert.equal(await stateOf(first, "unknown"), "pending");
  for (const [delivery, outcome] of [[first, ACK], [dead, rejected("no")], [delayed, LATER]] as const) {
    await settle(delivery, outcome);
  }
  await eventually(async () => (await orders.consumer()).ack_floor.stream_seq === 3);
  const found = [await stateOf(first), await stateOf(dead), await stateOf(delayed), await stateOf(last)];
  assert.deepEqual(found, ["ack", "dead-letter", "pending", "pending"]);
});
