import assert from "node:assert/strict";
import { Pin } from "../../../runtime/nats/consume/pin.ts";
import { KEEP_MS, ORDER_GROUP, STANDBY_MS } from "../../../runtime/nats/consume/pin_timing.ts";
import type { ConsumerSink } from "../../../runtime/engine/consumer.ts";
import { delivery } from "../../support/deliveries.ts";

/** A pin whose owner takes 10 deliveries, and the calls of the owner. */
function setup({ mayPull = true, mayKeep = true } = {}) {
  const calls: string[] = [];
  const pin = new Pin({
    mayPull: () => mayPull,
    room: () => 10,
    mayKeep: () => mayKeep,
    lapsed: (keepsRunning) => void calls.push(`lapsed ${keepsRunning}`),
    unpin: () => void calls.push("unpin"),
    standsBy: () => {},
  });
  const sink = pin.around({
    credits: () => 100,
    ahead: () => 5,
    room: () => Infinity,
    roomAhead: () => 5,
    paused: () => false,
    deliver: () => {},
  } as ConsumerSink);
  /** Delivers the message at a position among all that the consumer delivered. */
  const deliver = (position: number, id = "one") => {
    const ackSubject = new TextEncoder().encode(`$JS.ACK.ORDERS.ship.1.${position}.${position}.1.0`);
    sink.deliver({ ...delivery({ headers: { "Nats-Pin-Id": id } }), ackSubject });
  };
  return { pin, sink, deliver, calls };
}

Deno.test("Pin pulls one message until it has the pin, and then what the function takes", () => {
  const { pin, sink, deliver } = setup();
  assert.deepEqual([sink.credits(), sink.ahead(0, 5)], [1, 0]);
  assert.deepEqual(pin.claim(0), { group: ORDER_GROUP, expires: STANDBY_MS * 1e6 });
  deliver(1);
  assert.equal(sink.credits(), 10);
  assert.deepEqual(pin.claim(0), { group: ORDER_GROUP, id: "one" });
});

Deno.test("Pin pulls nothing while its owner may not pull", () => {
  assert.equal(setup({ mayPull: false }).sink.credits(), 0);
});

Deno.test("Pin lapses at its first delivery, at a gap, and with another pin", () => {
  const { deliver, calls } = setup();
  deliver(5);
  deliver(6);
  assert.deepEqual(calls, ["lapsed true"]);
  deliver(8);
  assert.equal(calls.length, 2);
  deliver(9, "two");
  assert.equal(calls.length, 3);
  deliver(10, "two");
  assert.equal(calls.length, 3);
});

Deno.test("Pin.follows is true if every delivery after a position came here without a gap", () => {
  const { pin, deliver } = setup();
  deliver(5);
  deliver(6);
  assert.deepEqual([3, 4, 5, 6].map((position) => pin.follows(position)), [false, true, true, true]);
});

Deno.test("Pin.follows expects the next delivery after a position when none has come yet", () => {
  const { pin, deliver, calls } = setup();
  deliver(5);
  pin.resubscribed();
  assert.equal(pin.follows(7), true);
  deliver(8);
  assert.deepEqual(calls, ["lapsed true", "lapsed false"]);
  deliver(10);
  assert.equal(calls.length, 3);
});

Deno.test("Pin is lost by status 423, and what runs here goes on", () => {
  const { pin, deliver, calls } = setup();
  deliver(5);
  assert.equal(pin.answered(423, "_INBOX.1.2"), "lost");
  assert.equal(pin.id, undefined);
  assert.deepEqual(calls, ["lapsed true", "lapsed true"]);
});

Deno.test("Pin.keepAlive asks for nothing, every two seconds without another pull", () => {
  const { pin, deliver } = setup();
  assert.equal(pin.keepAlive(KEEP_MS), undefined);
  deliver(5);
  pin.claim(0);
  assert.equal(pin.keepAlive(KEEP_MS - 1), undefined);
  const { max_bytes, group, id } = JSON.parse(pin.keepAlive(KEEP_MS)!);
  assert.deepEqual({ max_bytes, group, id }, { max_bytes: 1, group: ORDER_GROUP, id: "one" });
  assert.equal(pin.answered(409, "_INBOX.1.keep"), "kept");
  assert.equal(pin.answered(409, "_INBOX.1.7"), undefined);
});

Deno.test("Pin.keepAlive lets the pin go if the process leaves the events to another one", () => {
  const { pin, deliver } = setup({ mayKeep: false });
  deliver(5);
  pin.claim(0);
  assert.equal(pin.keepAlive(KEEP_MS), undefined);
});

Deno.test("Pin.stop gives the pin to another process, if it has it", () => {
  const { pin, deliver, calls } = setup();
  pin.stop();
  deliver(5);
  pin.stop();
  pin.stop();
  assert.deepEqual(calls, ["lapsed true", "unpin"]);
});
