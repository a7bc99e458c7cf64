import assert from "node:assert/strict";
import { EventStream, type EventStreamOptions } from "../../runtime/http/event_stream.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

function open(options: Partial<EventStreamOptions> = {}) {
  const clock = new TestClock();
  let closed = 0;
  const stream = new EventStream({
    clock,
    onClose: () => void closed++,
    unread: { bytes: 100, then: "end" },
    heartbeat: { everyMs: 1_000, text: ":\n\n" },
    ...options,
  });
  return { stream, clock, closed: () => closed };
}

Deno.test("EventStream sends events, their ids and JSON as it is given", async () => {
  const { stream, clock, closed } = open({ retryMs: 500, headers: { "x-own": "1" } });
  assert.equal(stream.send("a", { n: 1 }, "7"), true);
  assert.equal(stream.sendText("b", "[2]"), true);
  stream.close();
  stream.close();
  assert.equal(stream.send("c", 3), false);
  assert.equal(stream.response.headers.get("x-own"), "1");
  const text = 'retry: 500\n\nid: 7\nevent: a\ndata: {"n":1}\n\nevent: b\ndata: [2]\n\n';
  assert.equal(await stream.response.text(), text);
  assert.deepEqual([closed(), clock.timers], [1, 0]);
});

Deno.test("EventStream ends if the caller does not read, where it is to end", async () => {
  const { stream, clock, closed } = open();
  for (let sent = 0; stream.send("a", "x".repeat(20)); sent++) assert(sent < 5);
  assert.deepEqual([closed(), clock.timers], [1, 0]);
  await assert.rejects(stream.response.text(), /does not read its events/);
});

Deno.test("EventStream leaves events out while the caller does not read, where it is to skip", async () => {
  const { stream, closed } = open({ unread: { bytes: 100, then: "skip" } });
  while (stream.send("a", "x".repeat(20)));
  assert.equal(closed(), 0);
  const reader = stream.response.body!.getReader();
  for (let read = 0; read < 3; read++) assert.equal((await reader.read()).done, false);
  assert.equal(stream.send("b", 1), true);
  await reader.cancel();
  assert.deepEqual([stream.send("c", 1), closed()], [false, 1]);
});

Deno.test("EventStream sends its heartbeat at each interval", async () => {
  const { stream, clock } = open({ heartbeat: { everyMs: 1_000, text: "event: alive\ndata: {}\n\n" } });
  await clock.advance("1s");
  await clock.advance("1s");
  stream.close();
  assert.equal((await stream.response.text()).match(/^event: alive$/gm)?.length, 2);
});
