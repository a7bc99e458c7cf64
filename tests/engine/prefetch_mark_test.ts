import assert from "node:assert/strict";
import type { AttemptStore } from "../../runtime/engine/attempt_store.ts";
import { PrefetchMark } from "../../runtime/engine/prefetch_mark.ts";

Deno.test("PrefetchMark is stored once the server has it, retries each second, and is renewed each hour", async () => {
  let writes = 0, stored = 0, isDown = true;
  const attempts: AttemptStore = {
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
    markPrefetching: () => {
      writes++;
      return isDown ? Promise.reject(new Error("no answer")) : Promise.resolve();
    },
  };
  const mark = new PrefetchMark("work", attempts, () => void stored++);
  const ask = async (nowMs: number) => {
    const isStored = mark.isStored(nowMs);
    await Promise.resolve().then(() => {}).then(() => {});
    return [isStored, writes, stored];
  };
  assert.deepEqual(await ask(0), [false, 1, 0]);
  assert.deepEqual(await ask(999), [false, 1, 0]);
  isDown = false;
  assert.deepEqual(await ask(1_000), [false, 2, 1]);
  assert.deepEqual(await ask(1_001), [true, 2, 1]);
  assert.deepEqual(await ask(1_000 + 3_600_000), [true, 3, 1]);
  isDown = true;
  assert.deepEqual(await ask(1_000 + 2 * 3_600_000), [true, 4, 1]);
});
