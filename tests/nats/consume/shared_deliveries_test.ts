import assert from "node:assert/strict";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const handle = (n: number) => `$JS.ACK.ORDERS.handle.1.${n}.${n}.1763700000000000000.0`;

Deno.test("SharedDeliveries shows an ack subject to the reading side until it is removed", () => {
  const table = SharedDeliveries.create(4), other = new SharedDeliveries(table.memory);
  const first = table.add(bytes(handle(1))), second = table.add(bytes(handle(2)));
  assert.deepEqual(other.ackSubjects(), [handle(1), handle(2)]);
  table.remove(first);
  assert.deepEqual(other.ackSubjects(), [handle(2)]);
  table.remove(second);
  assert.deepEqual(other.ackSubjects(), []);
});

Deno.test("SharedDeliveries reuses a free slot, without a rest of what was there before", () => {
  const table = SharedDeliveries.create(1), other = new SharedDeliveries(table.memory);
  for (let n = 1; n <= 1_000; n++) {
    const slot = table.add(bytes(handle(1_001 - n))); // shorter and shorter
    assert.deepEqual(other.ackSubjects(), [handle(1_001 - n)]);
    table.remove(slot);
  }
});

Deno.test("SharedDeliveries keeps the slot of an ack subject that is replaced", () => {
  const table = SharedDeliveries.create(2), other = new SharedDeliveries(table.memory);
  const slot = table.add(bytes(handle(1)));
  assert.equal(table.replace(slot, bytes(handle(2))), slot);
  assert.deepEqual(other.ackSubjects(), [handle(2)]);
});

Deno.test("SharedDeliveries takes nothing while it is full", () => {
  const table = SharedDeliveries.create(2), other = new SharedDeliveries(table.memory);
  const first = table.add(bytes(handle(1)));
  table.add(bytes(handle(2)));
  assert.equal(table.add(bytes(handle(3))), -1);
  assert.equal(table.replace(-1, bytes(handle(3))), -1);
  assert.equal(table.remove(-1), -1);
  assert.deepEqual(other.ackSubjects(), [handle(1), handle(2)]);
  table.remove(first);
  assert.notEqual(table.replace(-1, bytes(handle(3))), -1);
  assert.deepEqual(other.ackSubjects().toSorted(), [handle(2), handle(3)]);
});

Deno.test("SharedDeliveries refuses an ack subject that is too long in UTF-8, and its slot stays free", () => {
  const table = SharedDeliveries.create(1), other = new SharedDeliveries(table.memory);
  assert.equal(table.add(bytes("x".repeat(249))), -1);
  assert.equal(table.add(bytes("ä".repeat(125))), -1);
  const slot = table.add(bytes("ä".repeat(124)));
  assert.deepEqual(other.ackSubjects(), ["ä".repeat(124)]);
  assert.equal(table.replace(slot, bytes("x".repeat(249))), -1);
  assert.deepEqual(other.ackSubjects(), []);
  assert.notEqual(table.add(bytes("x".repeat(248))), -1);
});

Deno.test("SharedDeliveries shares the heartbeats and the count of lapses", () => {
  const table = SharedDeliveries.create(1), other = new SharedDeliveries(table.memory);
  table.mainMs = 1_763_700_000_123.7;
  other.watchdogMs = 1_763_700_000_456;
  other.countLapse();
  other.countLapse();
  assert.deepEqual([other.mainMs, table.watchdogMs, table.lapses], [1_763_700_000_123, 1_763_700_000_456, 2]);
});

Deno.test("SharedDeliveries shows whole ack subjects to a thread that reads while another writes", async () => {
  const table = SharedDeliveries.create(8);
  const reader = new Worker(new URL("./table_reader.ts", import.meta.url), { type: "module" });
  const news = (want: string) =>
    new Promise<number>((resolve) => {
      reader.onmessage = ({ data }) => data[0] === want && resolve(data[1]);
    });
  const ready = news("ready");
  reader.postMessage(table.memory);
  await ready;
  const done = news("torn");
  const until = Date.now() + 500;
  const slots = Array.from({ length: 8 }, () => -1);
  for (let n = 0; Date.now() < until; n++) {
    // Of one letter each, so that a mixture is seen; of many lengths, so that one too short or too long is.
    const length = 1 + n % 240, text = `${String.fromCharCode(97 + n % 26)}`.repeat(length) + `:${length}`;
    const at = n % 8;
    if (n % 3 === 0) slots[at] = table.remove(slots[at]);
    else slots[at] = table.replace(slots[at], bytes(text));
  }
  for (const slot of slots) table.remove(slot);
  table.add(bytes("end"));
  assert.equal(await done, 0);
  reader.terminate();
});
