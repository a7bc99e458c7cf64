import assert from "node:assert/strict";
import { ForgottenKeys } from "../../runtime/engine/forgotten_keys.ts";
import type { OrderSource } from "../../runtime/engine/order_source.ts";
import type { ParkedEvents, StoredKey } from "../../runtime/engine/parked_events.ts";
import { manualClock } from "../support/clocks.ts";

const FORGOTTEN: StoredKey = { key: "a", head: 2, isReturning: true };
const PARKED: StoredKey = { key: "b", head: 5, isReturning: false };

/** A store with keys, and consumers, that say what a test sets. */
function setup(keys: readonly StoredKey[], positions: readonly (string | undefined)[] = ["7"]) {
  const asked: string[] = [],
    sentBack: number[] = [],
    left = [...positions],
    state = { stored: keys.length, returning: 0 };
  const ask = <Value>(what: string, value: Value) => {
    asked.push(what);
    return Promise.resolve(value);
  };
  const store: Pick<ParkedEvents, "stored" | "load" | "returning" | "sendBack"> = {
    stored: () => ask("stored", state.stored),
    load: () => ask("load", keys),
    returning: () => Promise.resolve(state.returning),
    sendBack: async (sequence) => void sentBack.push(await ask("sendBack", sequence)),
  };
  const source = { idleAt: () => ask("idleAt", left.length > 1 ? left.shift() : left[0]) } as unknown as OrderSource;
  const clock = manualClock(), forgotten = new ForgottenKeys("ship", store as ParkedEvents, clock);
  forgotten.source = source;
  forgotten.begin();
  const later = async () => {
    clock.advance(15_000);
    for (let i = 0; i < 30; i++) await null;
  };
  return { forgotten, asked, sentBack, state, later };
}

Deno.test("ForgottenKeys sends one event of each key back whose first event is no more, and of no other", async () => {
  const { sentBack, later } = setup([FORGOTTEN, PARKED, { ...FORGOTTEN, key: "c", head: 9 }]);
  await later();
  assert.deepEqual(sentBack, [2, 9]);
});

Deno.test("ForgottenKeys sends nothing back while an event has not come to its partition", async () => {
  const { sentBack, state, later } = setup([FORGOTTEN]);
  state.returning = 1;
  await later();
  assert.deepEqual(sentBack, []);
  state.returning = 0;
  await later();
  assert.deepEqual(sentBack, [2]);
});

Deno.test("ForgottenKeys only counts while there are no dead letters", async () => {
  const { asked, later } = setup([]);
  await later();
  await later();
  assert.deepEqual(asked, ["stored", "stored"]);
});

for (
  const [positions, when] of [
    [[undefined], "an event is on its way, or another process receives the events"],
    [["7", "8"], "an event ran meanwhile"],
    [["7", undefined], "an event arrives meanwhile"],
  ] as const
) {
  Deno.test(`ForgottenKeys sends nothing back if ${when}`, async () => {
    const { sentBack, later } = setup([FORGOTTEN], positions);
    await later();
    assert.deepEqual(sentBack, []);
  });
}

Deno.test("ForgottenKeys reads the dead letters once while nothing changes, and again once one is discarded", async () => {
  const { asked, state, later } = setup([PARKED]);
  const loads = () => asked.filter((what) => what === "load").length;
  await later();
  await later();
  assert.equal(loads(), 1);
  state.stored++;
  await later();
  assert.equal(loads(), 2);
});

Deno.test("ForgottenKeys.stop ends its looks, also one under way", async () => {
  const { forgotten, asked, sentBack, later } = setup([FORGOTTEN]);
  const look = later();
  forgotten.stop();
  await look;
  await later();
  assert.deepEqual([asked.includes("sendBack"), sentBack], [false, []]);
});
