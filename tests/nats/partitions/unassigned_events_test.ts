import assert from "node:assert/strict";
import { PublishError } from "../../../runtime/engine/publisher.ts";
import { refusalError } from "../../../runtime/nats/publish/publish_error.ts";
import { UnassignedEvents } from "../../../runtime/nats/partitions/unassigned_events.ts";

const refusal = (description: string) =>
  refusalError("order_partitions.ship.2.0", "ORDER_PARTITIONS", { code: 503, err_code: 10077, description })!;
const NO_ROOM = refusal("maximum bytes exceeded"), PARTITION_FULL = refusal("maximum messages per subject exceeded");

for (
  const [what, error, isReported] of [
    ["a stream that takes no more", NO_ROOM, true],
    ["partitions that cannot be read", new Error("no responders"), true],
    ["a full partition", PARTITION_FULL, false],
    ["an event that becomes a dead letter", new PublishError("too-large", "too large"), false],
  ] as const
) {
  Deno.test(`UnassignedEvents reports ${what}: ${isReported ? "every 10 s while it lasts" : "never"}`, async () => {
    let nowMs = 0;
    const reports: unknown[] = [];
    const unassigned = new UnassignedEvents({ now: () => nowMs }, (name, error) => reports.push([nowMs, name, error]));
    const fail = () => assert.rejects(unassigned.watch("ship", Promise.reject(error)), error);
    for (; nowMs <= 25_000; nowMs += 250) await fail();
    assert.deepEqual(reports, isReported ? [[10_000, "ship", error], [20_000, "ship", error]] : []);
    assert.equal(await unassigned.watch("ship", Promise.resolve(7)), 7);
    for (const untilMs = nowMs + 9_000; nowMs < untilMs; nowMs += 250) await fail();
    assert.equal(reports.length, isReported ? 2 : 0);
  });
}
