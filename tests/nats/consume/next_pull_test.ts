import assert from "node:assert/strict";
import { nextPull, type Pull, pullRequest } from "../../../runtime/nats/consume/next_pull.ts";
import { PendingPulls } from "../../../runtime/nats/consume/pending_pulls.ts";

interface State {
  readonly free: number;
  readonly ahead?: number;
  readonly backlog?: number;
  readonly room?: number;
  readonly roomAhead?: number;
  readonly pending?: readonly number[];
  readonly isTooLarge?: boolean;
}

const pull = (count: number, bytes = Infinity): Pull => ({ count, bytes, isAhead: false });
const pullAhead = (count: number, bytes: number): Pull => ({ count, bytes, isAhead: true });

const TABLE: readonly (readonly [name: string, state: State, pull: Pull | undefined])[] = [
  ["as many as can begin", { free: 16 }, pull(16)],
  ["nothing while nothing can begin", { free: 0 }, undefined],
  ["what is missing from a pull under way", { free: 16, pending: [12] }, pull(4)],
  ["nothing that is small beside what is under way", { free: 16, pending: [13] }, undefined],
  ["nothing ahead without a backlog", { free: 16, ahead: 100, backlog: 0 }, pull(16)],
  ["nothing ahead of a backlog that can begin", { free: 16, ahead: 100, backlog: 16 }, pull(16)],
  ["ahead no more than there is", { free: 16, ahead: 100, backlog: 30 }, pullAhead(30, 1_000)],
  ["ahead no more than the sink takes", { free: 2, ahead: 100, backlog: 999 }, pullAhead(102, 1_000)],
  ["ahead while every slot is taken", { free: 0, ahead: 100, backlog: 999 }, pullAhead(100, 1_000)],
  ["ahead less what is under way", { free: 0, ahead: 100, backlog: 999, pending: [60] }, pullAhead(40, 1_000)],
  ["nothing ahead in a fifth pull", { free: 0, ahead: 100, backlog: 999, pending: [1, 1, 1, 1] }, undefined],
  ["a quarter of the bytes ahead", { free: 0, ahead: 9, backlog: 99, roomAhead: 400 }, pullAhead(9, 100)],
  ["no bytes ahead beyond all room", { free: 0, ahead: 9, backlog: 99, room: 50 }, pullAhead(9, 50)],
  ["nothing ahead without room for it", { free: 1, ahead: 9, backlog: 99, roomAhead: 0 }, pull(1)],
  ["nothing without room", { free: 1, room: 0 }, undefined],
  ["one pull at a time while bytes are limited", { free: 9, room: 50, pending: [1] }, undefined],
  ["one message of any size that exceeds the room", { free: 9, room: 50, isTooLarge: true }, pull(1)],
  ["what can begin after a pull ahead that ended by its bytes", {
    free: 9,
    ahead: 9,
    backlog: 99,
    isTooLarge: true,
  }, pull(9)],
];

for (const [name, state, expected] of TABLE) {
  Deno.test(`nextPull asks for ${name}`, () => {
    const { free, ahead = 0, backlog = 0, room = Infinity, roomAhead = 4_000, pending = [], isTooLarge = false } =
      state;
    const sink = {
      credits: () => free,
      ahead: (_nowMs: number, most: number) => Math.min(ahead, most),
      room: () => room,
      roomAhead: () => roomAhead,
    };
    const pulls = new PendingPulls();
    for (const count of pending) pulls.add(count, Infinity);
    assert.deepEqual(nextPull(sink, 0, pulls, backlog, isTooLarge), expected);
  });
}

Deno.test("pullRequest keeps a pull that can begin with heartbeats, and ends one ahead soon", () => {
  const standing = JSON.parse(pullRequest(pull(16)));
  assert.deepEqual(standing, { batch: 16, expires: 5_000_000_000, idle_heartbeat: 1_000_000_000 });
  assert.deepEqual(JSON.parse(pullRequest(pullAhead(100, 1_000.5))), {
    batch: 100,
    max_bytes: 1_001,
    expires: 250_000_000,
  });
});
