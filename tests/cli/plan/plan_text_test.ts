import assert from "node:assert/strict";
import { exitCode } from "../../../runtime/cli/plan.ts";
import { planText, stepText } from "../../../runtime/cli/plan/plan_text.ts";
import type { Step } from "../../../runtime/nats/topology/step.ts";

const PIPE = { terminal: false, colours: false };
const SHIP = { what: "consumer", name: "ship", stream: "ORDERS" } as const;
const ORDERS = { what: "stream", name: "ORDERS" } as const;
const BACKLOG = { pending: 1_234, unsettled: 12, delayedRetries: 3 };

const create: Step = { ...SHIP, kind: "create", config: { filter_subjects: ["orders.paid"] }, waiting: 1_234 };
const update: Step = {
  ...SHIP,
  kind: "update",
  changes: [
    { field: "ack_wait", from: 2e9, to: 15e9 },
    { field: "filter_subjects", from: ["orders.paid"], to: ["orders.paid", "orders.lost"] },
    { field: "max_deliver", from: 3, to: -1 },
  ],
  leftOut: [{ why: "older", subject: "orders.lost", events: 12 }],
};
const orphan: Step = {
  ...SHIP,
  name: "bill",
  kind: "orphan",
  filters: [],
  backlog: { ...BACKLOG, pending: 1 },
  inUse: true,
};
const blocked: Step = { ...ORDERS, kind: "blocked", problems: ["sealed: it takes no more messages"] };
const same: Step = { ...ORDERS, kind: "same" };
const foreign: Step = { what: "stream", name: "LOGS", kind: "foreign" };

Deno.test("planText says which changes only `apply` makes", () => {
  const narrowing: Step = { ...SHIP, kind: "update", changes: [], leftOut: [], narrows: true };
  assert.match(planText([narrowing], PIPE), /only `apply` does all of this: a start takes away nothing/);
  assert.doesNotMatch(planText([update], PIPE), /only `apply`/);
  const trigger = planText([{ ...update, narrows: true }], PIPE);
  assert.match(trigger, /until then an event of a trigger that no release has becomes a dead letter \(`invalid`\)/);
});

Deno.test("planText groups steps by kind, describes the effect on events, and ends with a summary", () => {
  assert.equal(
    planText([same, foreign, create, update, orphan, blocked], PIPE),
    `to create
  + consumer ship on stream ORDERS: orders.paid; starts with 1,234 stored events

changed in place
  ~ consumer ship on stream ORDERS
      ack_wait: 2s → 15s
      filter_subjects: orders.paid → orders.paid, orders.lost
      max_deliver: 3 → no limit
      not handled, since the consumer is past them: 12 stored events of orders.lost. New events are

blocked: Weir cannot make this change
  ! stream ORDERS
      sealed: it takes no more messages
      its events stay where they are

of no function in this project
  - consumer bill on stream ORDERS
      1 event waits on it, 12 unsettled, 3 delayed; not pruned yet: a process pulls from it, or did within the last minute

1 to create, 1 to change, 1 blocked, 1 unused by the project, 1 up to date; 1 not declared by the project, never touched`,
  );
});

Deno.test("planText names the buckets among what the project does not declare", () => {
  const bucket = (name: string): Step => ({ ...foreign, name: `KV_${name}` });
  assert.match(
    planText([same, foreign, bucket("orders"), bucket("stock")], PIPE),
    /; 3 not declared by the project, never touched \(with the key-value buckets orders, stock, such as ctx\.kv creates\)$/,
  );
  assert.match(planText([..."abcdefg"].map(bucket), PIPE), /buckets a, b, c, d, e and 2 more, such as/);
});

for (const kind of ["orphan", "moved"] as const) {
  Deno.test(`planText names the command that removes a consumer of kind ${kind}, unless a process pulls from it`, () => {
    const hint = /deno task apply --prune/, step = (inUse: boolean): Step => ({ ...orphan, kind, inUse });
    assert.match(planText([step(false)], PIPE), /3 delayed\n {6}`deno task apply --prune bill` removes it\n/);
    assert.doesNotMatch(planText([step(true)], PIPE), hint);
    assert.doesNotMatch(stepText(step(false), PIPE), hint); // apply prints it of a consumer that it removed
  });
}

for (
  const [left, text] of [
    [
      { why: "older", subject: "a.b", events: 1 },
      "not handled, since the consumer is past them: 1 stored event of a.b. New",
    ],
    [
      { why: "removed", subject: "a.b", events: 2 },
      "no longer handled, although they wait on it: 2 stored events of a.b",
    ],
    [{ why: "expired", subject: ">", events: 5_000 }, "older than that and removed immediately: 5,000 stored events"],
    [
      { why: "older", subject: "a.b", events: undefined },
      "past them: stored events of a.b (the stream does not report how many). New",
    ],
  ] as const
) {
  Deno.test(`stepText describes skipped events: ${text}`, () => {
    const step: Step = { ...SHIP, kind: "update", changes: [], leftOut: [left] };
    assert.ok(stepText(step, PIPE).includes(text), stepText(step, PIPE));
  });
}

Deno.test("stepText names where a consumer begins in a stream that does not report how many events that are", () => {
  const filter_subjects = ["orders.paid"],
    begins = (config: object) => {
      return stepText({ ...SHIP, kind: "create", config: { filter_subjects, ...config } }, PIPE);
    };
  assert.match(begins({}), /: orders\.paid; starts with stored events \(the stream does not report how many\)$/);
  assert.match(begins({ opt_start_seq: 1_200 }), /starts with the stored events from sequence 1,200 on \(the stream/);
});

Deno.test("stepText colours signs on a terminal", () => {
  assert.ok(stepText(create, { terminal: true, colours: true }).startsWith("  \x1b[32m+ consumer ship"));
});

Deno.test("exitCode is 0 without changes, even with orphans, 2 with changes, 1 with a blocked step", () => {
  assert.equal(exitCode([]), 0);
  assert.equal(exitCode([same, foreign, orphan]), 0);
  assert.equal(exitCode([same, update]), 2);
  assert.equal(exitCode([update, blocked]), 1);
});
