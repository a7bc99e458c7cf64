import assert from "node:assert/strict";
import { IdlePin } from "../../../runtime/nats/consume/idle_pin.ts";
import { IDLE_MS } from "../../../runtime/nats/consume/pin_timing.ts";

const IDLE = { pinId: "one", position: 5, pending: 3, unsettled: 0 };

const LOOKS:
  readonly (readonly [title: string, second: Partial<typeof IDLE> | { pinId: undefined }, unpins: number])[] = [
    ["a process that takes nothing although messages wait", {}, 1],
    ["a process that was delivered something", { position: 6 }, 0],
    ["a process that another one has replaced", { pinId: "two" }, 0],
    ["a process that has unsettled messages", { unsettled: 1 }, 0],
    ["a process while nothing waits", { pending: 0 }, 0],
    ["no process", { pinId: undefined }, 0],
  ];
for (const [title, second, unpins] of LOOKS) {
  Deno.test(`IdlePin.check takes the pin from ${title}: ${unpins === 1}`, async () => {
    const answers = [IDLE, { ...IDLE, ...second }];
    let taken = 0;
    const pin = new IdlePin(() => Promise.resolve(answers.shift()!), () => taken++);
    for (const nowMs of [0, 1, IDLE_MS]) {
      pin.check(nowMs);
      await Promise.resolve();
    }
    assert.deepEqual([taken, answers.length], [unpins, 0]);
  });
}
