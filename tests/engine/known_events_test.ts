import assert from "node:assert/strict";
import { KnownEvents } from "../../runtime/engine/known_events.ts";

/** Adds messages of keys, given as `sequence key`; the key `*` is known to another release alone. */
function known(
  ...messages: readonly string[]
): { events: KnownEvents; add: (text: string) => ReturnType<KnownEvents["add"]> } {
  const events = new KnownEvents();
  const add = (text: string) => {
    const [sequence, name, stream = "ORDERS"] = text.split(" ");
    const key = name === "*" ? undefined : name;
    return events.add({ messageKey: `${stream}.${sequence}.1` }, () => ({ key, holdsAll: name === "*" }));
  };
  messages.forEach(add);
  return { events, add };
}

const FIRST: readonly (readonly [title: string, before: readonly string[], event: string, isFirst: boolean])[] = [
  ["alone", [], "5 a", true],
  ["after an earlier one of its key", ["4 a"], "5 a", false],
  ["after a later one of its key, which arrived before", ["6 a"], "5 a", true],
  ["after an earlier one of another key", ["4 b"], "5 a", true],
  ["after an earlier one of its key in another stream", ["4 a RETRIES"], "5 a", true],
  ["after one whose key another release knows", ["4 *"], "5 a", false],
  ["before one whose key another release knows", ["6 *"], "5 a", true],
];
for (const [title, before, event, isFirst] of FIRST) {
  Deno.test(`KnownEvents.isFirst is ${isFirst} for an event ${title}`, () => {
    const { events, add } = known(...before);
    assert.equal(events.isFirst(add(event)), isFirst);
  });
}

Deno.test("KnownEvents.add returns the same turn for a redelivery, which is here again", () => {
  const { events, add } = known("4 a"), turn = add("5 a");
  turn.state = "away";
  assert.equal(add("5 a"), turn);
  assert.equal(turn.state, "here");
  assert.equal(events.size, 2);
});

Deno.test("KnownEvents.delete lets the next event of the key be the first", () => {
  const { events, add } = known(), first = add("4 a"), next = add("5 a");
  events.delete(first);
  assert.deepEqual([events.has(first), events.firstOf(next), events.isFirst(next)], [false, next, true]);
  events.delete(next);
  assert.deepEqual([events.size, events.firstsOf("a")], [0, []]);
});

Deno.test("KnownEvents.clear keeps what runs, if it is still leased", () => {
  for (const keepsRunning of [true, false]) {
    const { events, add } = known("4 b"), running = add("5 a");
    running.state = "running";
    events.clear(keepsRunning);
    assert.deepEqual(events.all(), keepsRunning ? [running] : []);
  }
});

Deno.test("KnownEvents.blockedKeys counts the keys whose first event waits for its next attempt before others", () => {
  const { events, add } = known("6 a", "7 b", "8 b"), failed = add("5 a"), alone = add("9 c");
  failed.dueMs = alone.dueMs = 100;
  assert.deepEqual([events.blockedKeys(50), events.blockedKeys(100)], [1, 0]);
});
