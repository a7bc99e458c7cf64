import assert from "node:assert/strict";
import { cron, every } from "weir";
import { type CatchUp, dueTicks, MAX_MISSED, nextTicks, type Schedule } from "../../runtime/core/schedule.ts";
import { resolveSchedule } from "../../runtime/project/resolve_schedule.ts";
import type { ScheduleTrigger } from "../../runtime/api/schedule.ts";

function scheduleOf(trigger: ScheduleTrigger): Schedule {
  const schedule = resolveSchedule(trigger);
  if (typeof schedule === "string") throw new Error(schedule);
  return schedule;
}

/** Next ticks after a time, all in UTC. */
const rows: [what: string, expression: string, timezone: string, after: string, expected: string[]][] = [
  [
    "keeps its local time when daylight saving begins",
    ...["0 8 * * *", "Europe/Berlin", "2026-03-27T12:00Z"] as const,
    ["03-28T07:00", "03-29T06:00", "03-30T06:00"],
  ],
  [
    "keeps its local time when daylight saving ends",
    ...["0 8 * * *", "Europe/Berlin", "2026-10-23T12:00Z"] as const,
    ["10-24T06:00", "10-25T07:00", "10-26T07:00"],
  ],
  [
    "runs right after the gap if its time is in it",
    ...["30 2 * * *", "Europe/Berlin", "2026-03-27T12:00Z"] as const,
    ["03-28T01:30", "03-29T01:00", "03-30T00:30"],
  ],
  [
    "runs once if its time comes twice",
    ...["30 2 * * *", "Europe/Berlin", "2026-10-23T12:00Z"] as const,
    ["10-24T00:30", "10-25T00:30", "10-26T01:30"],
  ],
  [
    "runs every hour of a day with 23",
    ...["0 * * * *", "Europe/Berlin", "2026-03-28T23:30Z"] as const,
    ["03-29T00:00", "03-29T01:00", "03-29T02:00", "03-29T03:00"],
  ],
  [
    "runs every hour of a day with 25",
    ...["0 * * * *", "Europe/Berlin", "2026-10-24T22:30Z"] as const,
    ["10-24T23:00", "10-25T00:00", "10-25T01:00", "10-25T02:00"],
  ],
  [
    "runs every half hour through the hour that comes twice",
    ...["*/30 * * * *", "America/New_York", "2026-11-01T04:40Z"] as const,
    ["11-01T05:00", "11-01T05:30", "11-01T06:00", "11-01T06:30", "11-01T07:00"],
  ],
  [
    "knows a change of half an hour",
    ...["0 12 * * *", "Australia/Lord_Howe", "2026-04-03T12:00Z"] as const,
    ["04-04T01:00", "04-05T01:30", "04-06T01:30"],
  ],
  ["is UTC by default", "0 8 * * *", "UTC", "2026-03-28T12:00Z", ["03-29T08:00", "03-30T08:00"]],
  ["takes names of days", "0 8 * * MON-FRI", "UTC", "2026-01-02T12:00Z", ["01-05T08:00", "01-06T08:00"]],
  ["takes six fields, with seconds", "30 59 23 31 12 *", "UTC", "2026-01-01T00:00Z", ["12-31T23:59"]],
];

for (const [what, expression, timezone, after, expected] of rows) {
  Deno.test(`cron ${what}`, () => {
    const ticks = nextTicks(scheduleOf(cron(expression, { timezone })), Date.parse(after), expected.length);
    assert.deepEqual(ticks.map((ms) => new Date(ms).toISOString().slice(5, 16)), expected);
  });
}

Deno.test("every has the same ticks whenever a process begins", () => {
  const schedule = scheduleOf(every("90s"));
  assert.equal(schedule.text, "every 90s");
  for (const after of [1, 89_999, 45_000]) assert.deepEqual(nextTicks(schedule, after, 2), [90_000, 180_000]);
  assert.deepEqual(nextTicks(schedule, 90_000, 1), [180_000]);
});

const NOW = Date.parse("2026-01-02T00:00:00.400Z"), SECOND = 1_000, MINUTE = 60 * SECOND;
/** Ticks due after a gap, in milliseconds before the second of NOW. */
const gaps: [what: string, trigger: ScheduleTrigger, gapMs: number, expected: Record<CatchUp, number[]>][] = [
  ["no tick is due", every("1h"), -100, { none: [], last: [], all: [] }],
  ["one is due now", every("1m"), 30 * SECOND, { none: [0], last: [0], all: [0] }],
  [
    "a process was away for three seconds",
    every("1s"),
    3 * SECOND,
    { none: [2_000, 1_000, 0], last: [2_000, 1_000, 0], all: [2_000, 1_000, 0] },
  ],
  [
    "some are missed, and one is on time",
    every("1m"),
    3 * MINUTE,
    { none: [0], last: [0], all: [2 * MINUTE, MINUTE, 0] },
  ],
  [
    "all are missed",
    cron("58 23 * * *"),
    2 * 24 * 60 * MINUTE,
    { none: [], last: [2 * MINUTE], all: [24 * 60 * MINUTE + 2 * MINUTE, 2 * MINUTE] },
  ],
];

for (const [what, trigger, gapMs, expected] of gaps) {
  for (const catchUp of ["none", "last", "all"] as const) {
    Deno.test(`dueTicks when ${what}, catchUp ${catchUp}`, () => {
      const base = NOW - 400, ticks = dueTicks(scheduleOf({ ...trigger, catchUp }), base - gapMs, NOW);
      assert.deepEqual(ticks.map((ms) => base - ms), expected[catchUp]);
    });
  }
}

Deno.test("dueTicks bounds what is caught up, and finds the newest at once after years", () => {
  const all = dueTicks(scheduleOf(every("1s", { catchUp: "all" })), 0, NOW);
  assert.deepEqual([all.length, all.at(-1)], [MAX_MISSED, NOW - 400]);
  assert.deepEqual(dueTicks(scheduleOf(cron("0 12 1 1 *")), 0, NOW), [Date.parse("2026-01-01T12:00Z")]);
});

const faults: [trigger: ScheduleTrigger, message: RegExp][] = [
  [cron("61 * * * *"), /^cron\("61 \* \* \* \*"\): not a cron expression of five fields, or six .*61/],
  [cron("* * *"), /of five fields, or six with seconds$/],
  [cron("* * * * * * *"), /not a cron expression/],
  [cron(""), /not a cron expression/],
  [cron(7 as never), /a cron expression is a text/],
  [cron("0 0 30 2 *"), /there is no such time: it would never run$/],
  [cron("0 8 * * *", { timezone: "Mars/Olympus" }), /"Mars\/Olympus" is no time zone: give an IANA name, such as/],
  [cron("0 8 * * *", { catchUp: "some" as never }), /catchUp is "some": it must be "none", "last" or "all"$/],
  [cron("0 8 * * *", { timeZone: "UTC" } as never), /unknown option timeZone.*timezone/],
  [every("500ms"), /^every\("500ms"\): the shortest interval is a second: handle several things in one tick$/],
  [every("soon" as never), /the interval must be milliseconds, or text such as/],
  [every("1h", { timezone: "UTC" } as never), /an interval has no time zone: leave `timezone` out, or use `cron`$/],
];

for (const [trigger, message] of faults) {
  Deno.test(`resolveSchedule refuses ${JSON.stringify(trigger)}`, () => {
    const fault = resolveSchedule(trigger);
    assert.match(typeof fault === "string" ? fault : "no fault", message);
  });
}
