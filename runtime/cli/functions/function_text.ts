import { policyValues } from "../../project/format_policy.ts";
import type { FunctionStatus } from "../../http/admin/function_routes.ts";
import { type Colour, paint, roughDuration, type Screen } from "../terminal/output.ts";

const STATE_COLOURS: Readonly<Record<string, Colour>> = { closed: "green", open: "red", "half-open": "yellow" };

/** Formats one function in full: its triggers, its whole policy with the defaults marked, and its status. */
export function functionText(fn: FunctionStatus, target: Screen, nowMs: number): string {
  const dim = (text: string) => paint("dim", text, target);
  const state = (text: string) => text in STATE_COLOURS ? paint(STATE_COLOURS[text], text, target) : text;
  const values = policyValues(fn.policy);
  const longest = Math.max(...values.map(({ value }) => String(value).length));
  const rows: (readonly [name: string, value: string])[] = [
    ["on", fn.triggers.join(", ")],
    ["emits", fn.emits.join(", ") || "nothing"],
    ["", ""],
    ...values.map(({ path, value, isDefault }) =>
      [path, isDefault ? `${String(value).padEnd(longest)}  ${dim("default")}` : String(value)] as const
    ),
    ["", ""],
    ["breaker", state(fn.breaker)],
    ...Object.entries(fn.dependencies).map(([name, kind]) => [`breaker of ${name}`, state(kind)] as const),
    ["in flight", `${isRunning(fn) ? fn.inFlight : "?"} of ${fn.concurrency}`],
    ["pending", String(fn.pending ?? "unknown")],
    ["unsettled", String(fn.ackPending ?? "unknown")],
    ["delayed retries", String(fn.delayedRetries ?? "unknown")],
    ["oldest waiting", fn.oldestWaitingMs === undefined ? "unknown" : roughDuration(fn.oldestWaitingMs)],
    ["last error", lastError(fn, nowMs)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => name === "" ? "" : `  ${name.padEnd(width)}  ${value}`);
  return [paint("bold", fn.name, target), ...lines].join("\n");
}

/** Returns whether the status is that of a process. Without one the events in flight are unknown. */
export function isRunning({ breaker }: FunctionStatus): boolean {
  return breaker !== "unknown";
}

function lastError({ lastError }: FunctionStatus, nowMs: number): string {
  if (!lastError) return "none seen";
  const { at, reason, error } = lastError;
  return `${roughDuration(nowMs - Date.parse(at))} ago, ${reason}: ${error.split("\n").join("\n    ")}`;
}
