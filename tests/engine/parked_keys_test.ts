import assert from "node:assert/strict";
import type { ParkedEvent, ParkedEvents, StoredKey } from "../../runtime/engine/parked_events.ts";
import { MAX_PARKED_KEYS, ParkedKeys } from "../../runtime/engine/parked_keys.ts";
import { manualClock } from "../support/clocks.ts";

/** Time after which every look and every load that is due was made. */
const LATER_MS = 2_000;

/** A store that a test fills, and a table of keys on it. */
function setup() {
  const letters = new Map<number, ParkedEvent>(), returning = new Set<number>();
  const stored: StoredKey[] = [], sentBack: number[] = [], changed: string[] = [];
  const running = new Set<string>(), returned = new Set<string>();
  const state = { fails: false, loaded: 0, arrived: undefined as number | undefined };
  const answer = <Value>(value: Value) => state.fails ? Promise.reject(new Error("no answer")) : Promise.resolve(value);
  const store: ParkedEvents = {
    stored: () => answer(letters.size),
    load: () => answer(stored),
    find: (_name, sequence) =>
      answer(letters.has(sequence) ? "dead-letter" : returning.has(sequence) ? "returning" : undefined),
    returning: () => answer(returning.size),
    list: () => answer([...letters.values()].sort((a, b) => a.sequence - b.sequence)),
    sendBack: async (sequence) => {
      await answer(undefined);
      sentBack.push(sequence);
      if (letters.delete(sequence)) returning.add(sequence);
    },
  };
  const clock = manualClock();
  const keys = new ParkedKeys("ship", store, clock, {
    returned: () => state.arrived ?? returning.size,
    isRunning: (key) => running.has(key),
    isReturned: (key) => returned.has(key),
    changed: (key) => changed.push(key),
    loaded: () => state.loaded++,
  });
  const letter = (sequence: number, isParked = true) => void letters.set(sequence, { sequence, isParked });
  const later = async () => {
    clock.advance(LATER_MS);
    for (let i = 0; i < 30; i++) await null;
  };
  /** Parks a key whose first event is the dead letter 1, with parked ones after it. */
  const parked = async (...after: number[]) => {
    keys.park("a");
    letter(1, false);
    keys.settled("a", 1, undefined);
    for (const sequence of after) letter(sequence);
    await later();
  };
  /** Ends an event that was sent back. */
  const handled = async (sequence: number) => {
    returning.delete(sequence);
    keys.settled("a", undefined, sequence);
    await later();
  };
  return {
    keys,
    letters,
    returning,
    stored,
    sentBack,
    changed,
    running,
    returned,
    state,
    letter,
    later,
    parked,
    handled,
  };
}

Deno.test("ParkedKeys keeps a key parked while its first event is a dead letter", async () => {
  const { keys, sentBack, later, parked } = setup();
  await parked(2, 3);
  await later();
  assert.deepEqual([keys.has("a"), keys.isReturning("a"), keys.size, sentBack], [true, false, 1, []]);
  assert.ok(!keys.has("b"));
});

Deno.test("ParkedKeys sends parked events back one after the other once the first is handled, and then frees the key", async () => {
  const { keys, letters, returning, sentBack, changed, later, parked, handled } = setup();
  await parked(2, 3);
  letters.delete(1);
  returning.add(1);
  await later();
  assert.deepEqual([keys.isReturning("a"), sentBack], [true, []]);
  await handled(1);
  assert.deepEqual(sentBack, [2]);
  await later();
  assert.deepEqual(sentBack, [2]);
  await handled(2);
  assert.deepEqual([sentBack, changed], [[2, 3], []]);
  await handled(3);
  assert.deepEqual([changed, keys.size, keys.has("a")], [["a"], 0, false]);
});

Deno.test("ParkedKeys sends parked events back once the first is discarded", async () => {
  const { letters, sentBack, later, parked } = setup();
  await parked(2);
  letters.delete(1);
  await later();
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ParkedKeys waits while an event of the key runs, which may become a dead letter", async () => {
  const { keys, letters, running, sentBack, later, parked } = setup();
  await parked(2);
  letters.delete(1);
  running.add("a");
  await later();
  assert.deepEqual([sentBack, keys.has("a")], [[], true]);
  running.delete("a");
  await later();
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ParkedKeys parks a key again behind an event that fails after it returned", async () => {
  const { keys, letters, sentBack, letter, later, parked } = setup();
  await parked(2, 3);
  letters.delete(1);
  await later();
  assert.ok(keys.park("a"));
  letter(4, false);
  keys.settled("a", 4, undefined);
  await later();
  assert.deepEqual([keys.isReturning("a"), sentBack], [false, [2]]);
});

Deno.test("ParkedKeys lets the next event return of a key that was parked again while it looked for an earlier one", async () => {
  const { keys, letters, returning, sentBack, letter, later, parked, handled } = setup();
  await parked(2, 3);
  letters.delete(1);
  await later();
  returning.delete(2);
  keys.settled("a", undefined, 2); // it looks, and meanwhile the next one fails
  assert.ok(keys.park("a"));
  letter(4, false);
  for (let i = 0; i < 30; i++) await null;
  keys.settled("a", 4, undefined);
  await later();
  letters.delete(4);
  returning.add(4);
  await later();
  await handled(4);
  assert.deepEqual(sentBack, [2, 3]);
});

Deno.test("ParkedKeys.ends sends the next event back before the one that returned is settled, and no other", async () => {
  const { keys, letters, returning, sentBack, parked, later, handled } = setup();
  await parked(2, 3);
  await keys.ends("a", 7);
  await keys.ends("b", 1);
  assert.deepEqual(sentBack, []);
  letters.delete(1);
  returning.add(1);
  await keys.ends("a", 1);
  assert.deepEqual([sentBack, keys.isReturning("a")], [[2], true]);
  await handled(1);
  await later();
  assert.deepEqual(sentBack, [2]);
  await keys.ends("a", 2);
  await handled(2);
  await keys.ends("a", 3);
  await handled(3);
  assert.deepEqual([sentBack, keys.size], [[2, 3], 0]);
});

Deno.test("ParkedKeys.ends leaves the next event to the look after the settlement if it cannot be sent", async () => {
  const { keys, state, letters, returning, sentBack, parked, handled } = setup();
  await parked(2);
  letters.delete(1);
  returning.add(1);
  state.fails = true;
  await keys.ends("a", 1);
  state.fails = false;
  await handled(1);
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ParkedKeys sends an event back again if that failed", async () => {
  const { state, letters, sentBack, later, parked } = setup();
  await parked(2);
  letters.delete(1);
  state.fails = true;
  await later();
  await later();
  assert.deepEqual(sentBack, []);
  state.fails = false;
  await later();
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ParkedKeys.load reads the keys until the store answers, and goes on with those whose events return", async () => {
  const { keys, state, stored, letters, sentBack, letter, later } = setup();
  letter(7);
  letter(9, false);
  stored.push({ key: "a", head: 7, isReturning: true }, { key: "b", head: 9, isReturning: false });
  state.fails = true;
  keys.reset();
  void keys.load();
  await later();
  assert.deepEqual([keys.isLoaded, keys.size, state.loaded], [false, 0, 0]);
  state.fails = false;
  await later();
  await later();
  assert.deepEqual([keys.isLoaded, state.loaded, sentBack], [true, 1, [7]]);
  assert.deepEqual([keys.isReturning("a"), keys.isReturning("b"), letters.has(9)], [true, false, true]);
});

Deno.test("ParkedKeys.reset forgets the keys, and what is under way changes none", async () => {
  const { keys, letters, sentBack, later, parked } = setup();
  await parked(2);
  letters.delete(1);
  keys.reset();
  await later();
  assert.deepEqual([keys.size, keys.isLoaded, sentBack], [0, false, []]);
});

Deno.test("ParkedKeys.park refuses a key beyond the greatest number", () => {
  const { keys } = setup();
  for (let n = 0; n < MAX_PARKED_KEYS; n++) assert.ok(!keys.isFullFor("one more") && keys.park(`key ${n}`));
  assert.deepEqual([keys.isFullFor("one more"), keys.isFullFor("key 0")], [true, false]);
  assert.ok(!keys.park("one more"));
  assert.ok(keys.park("key 0"));
  keys.close();
});

Deno.test("ParkedKeys sends nothing back while an event of the key that returned is not settled", async () => {
  const { letters, returned, sentBack, later, parked } = setup();
  await parked(2);
  letters.delete(1); // handled or discarded
  returned.add("a");
  await later();
  assert.deepEqual(sentBack, []);
  returned.delete("a");
  await later();
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ParkedKeys sends nothing back while an event that was sent back has not arrived: it may be of the key", async () => {
  const { letters, returning, state, sentBack, later, parked } = setup();
  await parked(2, 3);
  letters.delete(1); // discarded, by which 2 was sent back
  letters.delete(2);
  returning.add(2);
  state.arrived = 0;
  await later();
  assert.deepEqual(sentBack, []);
  returning.delete(2); // handled
  await later();
  assert.deepEqual(sentBack, [3]);
});
