import { Cron } from "croner";
import type { ScheduleTrigger } from "../api/schedule.ts";
import { DURATION_HELP, formatDuration, parseDuration } from "../core/duration.ts";
import type { CatchUp, Schedule } from "../core/schedule.ts";
import { sha256Hex } from "../core/sha256.ts";
import { describeValue, unknownOption } from "./option_schemas.ts";

const CATCH_UP: readonly CatchUp[] = ["none", "last", "all"];
/** Shortest interval in milliseconds: a tick is one message, and its time is exact to some milliseconds. */
const MIN_INTERVAL_MS = 1_000;

/** Returns the schedule of a trigger, or the fault in it. */
export function resolveSchedule(trigger: ScheduleTrigger): Schedule | string {
  const { kind: _, cron, every, timezone = "UTC", catchUp = "last", ...unknown } = trigger;
  const allowed = cron === undefined ? ["catchUp"] : ["timezone", "catchUp"], call = callOf(trigger);
  if (every !== undefined && trigger.timezone !== undefined) {
    return `${call}: an interval has no time zone: leave \`timezone\` out, or use \`cron\``;
  }
  for (const key in unknown) return `${call}: ${unknownOption(key, "", allowed)}`;
  if (!CATCH_UP.includes(catchUp)) {
    return `${call}: catchUp is ${describeValue(catchUp)}: it must be "none", "last" or "all"`;
  }
  return cron === undefined ? intervalOf(every, catchUp, call) : cronOf(cron, timezone, catchUp, call);
}

function intervalOf(every: unknown, catchUp: CatchUp, call: string): Schedule | string {
  const ms = parseDuration(every);
  if (ms === undefined) return `${call}: the interval must be ${DURATION_HELP}`;
  if (ms < MIN_INTERVAL_MS) return `${call}: the shortest interval is a second: handle several things in one tick`;
  const text = formatDuration(ms);
  const next = (afterMs: number) => (Math.floor(afterMs / ms) + 1) * ms;
  return { name: `every-${text}`, text: `every ${text}`, catchUp, next };
}

function cronOf(expression: unknown, timezone: unknown, catchUp: CatchUp, call: string): Schedule | string {
  if (typeof expression !== "string") return `${call}: a cron expression is a text, such as "0 8 * * MON-FRI"`;
  if (!isTimezone(timezone)) {
    return `${call}: ${describeValue(timezone)} is no time zone: give an IANA name, such as "Europe/Berlin"`;
  }
  let cron: Cron;
  try {
    cron = new Cron(expression.trim(), { timezone, paused: true, mode: "5-or-6-parts" });
  } catch (error) {
    // The library's own sentence on the number of fields allows a seventh.
    const why = (error as Error).message.replace(/^CronPattern: /, "").replace(/^invalid configuration format.*/, "");
    return `${call}: not a cron expression of five fields, or six with seconds${why && `: ${why}`}`;
  }
  if (!cron.nextRun(new Date(0))) return `${call}: there is no such time: it would never run`;
  const named = sha256Hex(JSON.stringify([expression.trim(), timezone]), 12);
  return {
    name: `cron-${named}`,
    text: `${expression.trim()} (${timezone})`,
    catchUp,
    next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime(),
  };
}

function isTimezone(name: unknown): name is string {
  if (typeof name !== "string" || name === "") return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function callOf({ cron, every }: ScheduleTrigger): string {
  return cron === undefined ? `every(${describeValue(every)})` : `cron(${describeValue(cron)})`;
}
