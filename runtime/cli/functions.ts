import { Command } from "commander";
import { connectCluster } from "../app/cluster.ts";
import { functionStatus } from "../app/function_status.ts";
import { roughDuration } from "../core/duration.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { FunctionStatus } from "../http/admin/function_routes.ts";
import { pauseEnd } from "../nats/topology/pause.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { policyValues } from "../project/format_policy.ts";
import { projectName } from "../project/deno_json.ts";
import { loadProject, PROJECT } from "../project/load_project.ts";
import { askRuntime } from "./functions/ask_runtime.ts";
import { showVariables } from "./functions/variables.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { examples } from "./terminal/command_line.ts";
import { unknownFunction } from "../project/unknown_name.ts";
import { printable } from "../telemetry/otel/logs/printable.ts";
import { pauseCommand, resumeCommand } from "./functions/pause.ts";
import { renameCommand } from "./functions/rename.ts";
import { type Colour, count, paint, printJson, type Screen, screen } from "./terminal/output.ts";
import { type Cell, COLUMNS, type Row, table } from "./terminal/table.ts";

/** Fewest columns of a terminal for all columns of the table, and those left out on a narrower one. */
const WIDE = 110, WIDE_ONLY = ["policy", "unsettled"];
const STATE_COLOURS: Readonly<Record<string, Colour>> = { closed: "green", open: "red", "half-open": "yellow" };

const HELP = `
policy: attempts, timeout of each, and delays between: "up to 250ms … 1m" is a random delay below a limit
that grows from 250ms to 1m; busy: running handlers, and the most at once;
pending: stored and not delivered; unsettled: delivered and not settled; retry: delayed retries;
oldest: age of the oldest event that waits, or -.
`;

export function functionsCommand(): Command {
  return new Command("functions")
    .description("Show each function's triggers, policy, pending events and breaker, or one function in full.")
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(renameCommand())
    .argument("[name]", "the function to show in full, with its whole policy and its last error")
    .option("--env", "show the variables that the project declares with defineConfig instead, and which are set")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      HELP + examples("functions", "functions capturePayment", "functions --json", "functions --env"),
    )
    .action(functions);
}

/** Shows the status from a running process, or from the project and the cluster if none answers. */
async function functions(name: string | undefined, options: { json?: boolean; env?: boolean }): Promise<void> {
  if (options.env) return await showVariables(options);
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const own = { project: await projectName(PROJECT), namespace: config.WEIR_NAMESPACE };
  const running = await askRuntime(url, config.WEIR_ADMIN_KEY, own);
  if (running.status && !options.json) console.error(printable(running.source));
  const { status, reached } = running.status
    ? { status: running.status, reached: true }
    : await readCluster(running.source);
  if (name !== undefined) {
    const fn = status.find((fn) => fn.name === name);
    if (!fn) {
      const names = status.map((fn) => fn.name);
      throw new CommandFailure(unknownFunction(name, names));
    }
    if (options.json) printJson(fn);
    else console.log(functionText(fn, screen(), Date.now()));
  } else if (options.json) printJson(status);
  else console.log(functionTable(status, screen(), Date.now()));
  if (!reached) throw new CommandFailure(""); // the reason is printed already
}

/** Formats a row for each function, with its last error below it. A narrow terminal gets fewer columns. */
export function functionTable(status: readonly FunctionStatus[], target: Screen, nowMs: number): string {
  const wide = !target.terminal || (target.columns ?? COLUMNS) >= WIDE;
  const all: [head: string, cell: (fn: FunctionStatus) => Cell][] = [
    ["function", ({ name }) => name],
    ["on → emits", (fn) => eventsCell(fn, target)],
    ["policy", policyCell],
    ["busy", busy],
    ["pending", ({ pending }) => pending ?? "?"],
    ["unsettled", ({ ackPending }) => ackPending ?? "?"],
    ["retry", ({ delayedRetries }) => delayedRetries ?? "?"],
    ["oldest", (fn) => oldestWaiting(fn) ?? "?"],
    ["breaker", breakers],
  ];
  const columns = all.filter(([head]) => wide || !WIDE_ONLY.includes(head));
  const rows: Row[] = [];
  for (const fn of status) {
    rows.push(columns.map(([, cell]) => cell(fn)));
    if (fn.pausedUntil !== undefined) rows.push({ below: `paused ${pauseEnd(fn.pausedUntil)}` });
    if (fn.problem !== undefined) rows.push({ below: `pulls nothing: ${printable(fn.problem)}` });
    if (fn.lastError === undefined) continue;
    const { at, reason, error } = fn.lastError;
    rows.push({ below: `${roughDuration(nowMs - Date.parse(at))} ago, ${reason}: ${error}` });
  }
  const text = table(columns.map(([head]) => head), rows, target);
  return wide
    ? text
    : `${text}\n${
      paint("dim", `${WIDE_ONLY.join(", ")}: on a terminal of ${WIDE} columns, or for one function by its NAME`, target)
    }`;
}

/** Returns the triggers as their author wrote them: a schedule instead of the type of its ticks. */
function triggersOf({ triggers, schedules = [] }: FunctionStatus, withCatchUp = false): string[] {
  return triggers.map((trigger) => {
    const found = schedules.find(({ type }) => type === trigger);
    return found ? found.schedule + (withCatchUp ? `, catchUp ${found.catchUp}` : "") : trigger;
  });
}

function eventsCell(fn: FunctionStatus, { terminal }: Screen): string {
  const { emits } = fn, triggers = triggersOf(fn);
  if (terminal) return [...triggers, ...emits.map((type) => `→ ${type}`)].join("\n");
  return [triggers.join(", "), ...(emits.length > 0 ? [emits.join(", ")] : [])].join(" → ");
}

/** Formats one function in full: its triggers, its whole policy with the defaults marked, and its status. */
export function functionText(fn: FunctionStatus, target: Screen, nowMs: number): string {
  const dim = (text: string) => paint("dim", text, target);
  const state = (text: string) => text in STATE_COLOURS ? paint(STATE_COLOURS[text], text, target) : text;
  const values = policyValues(fn.policy);
  const longest = Math.max(...values.map(({ value }) => String(value).length));
  const rows: (readonly [name: string, value: string])[] = [
    ["on", triggersOf(fn, true).join(", ")],
    ["emits", fn.emits.join(", ") || "nothing"],
    ...(fn.needs ? [["needs", fn.needs.join(", ")] as const] : []),
    ["", ""],
    ...values.map(({ path, value, isDefault }) =>
      [path, isDefault ? `${String(value).padEnd(longest)}  ${dim("default")}` : String(value)] as const
    ),
    ["", ""],
    ...(fn.pausedUntil === undefined ? [] : [["paused", pauseEnd(fn.pausedUntil)] as const]),
    ...(fn.problem === undefined ? [] : [["pulls nothing", printable(fn.problem)] as const]),
    ["breaker", state(fn.breaker)],
    ...Object.entries(fn.dependencies).map(([name, kind]) => [`breaker of ${printable(name)}`, state(kind)] as const),
    ...Object.entries(fn.notShared ?? {}).map(([name, why]) =>
      [`breaker of ${printable(name)}`, printable(why)] as const
    ),
    ...(fn.rate ? [["rate", `${fn.rate.state}, ${fn.rate.waiting} held`] as const] : []),
    ...(fn.keys
      ? [["keys", `${fn.keys.known} known, ${fn.keys.waiting} events held, ${fn.keys.skipped} skipped over`] as const]
      : []),
    ...(fn.order ? [["order", orderText(fn.order)] as const] : []),
    ["in flight", busy(fn)],
    ["pending", String(fn.pending ?? "unknown")],
    ["unsettled", String(fn.ackPending ?? "unknown")],
    ["delayed retries", String(fn.delayedRetries ?? "unknown")],
    ["oldest waiting", oldestWaiting(fn) ?? "unknown"],
    ["last error", lastError(fn, nowMs)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => name === "" ? "" : `  ${name.padEnd(width)}  ${value}`);
  return [paint("bold", fn.name, target), ...lines].join("\n");
}

/** Returns the age of the oldest event that waits, `-` if none does, and undefined if that is unknown. */
function oldestWaiting({ pending, ackPending, oldestWaitingMs }: FunctionStatus): string | undefined {
  if (oldestWaitingMs === undefined) return undefined;
  return pending === 0 && ackPending === 0 ? "-" : roughDuration(oldestWaitingMs);
}

/** Formats the events in flight, and how many may be: of an adaptive concurrency what it is now. */
function busy(fn: FunctionStatus): string {
  const atOnce = fn.limit === undefined ? String(fn.concurrency) : `${fn.limit} (at most ${fn.concurrency})`;
  return `${isRunning(fn) ? fn.inFlight : "?"} of ${atOnce}`;
}

/** Returns whether a running process has reported the status. If none has, the events in flight are unknown. */
function isRunning({ breaker }: FunctionStatus): boolean {
  return breaker !== "unknown";
}

function lastError({ lastError }: FunctionStatus, nowMs: number): string {
  if (!lastError) return "none seen";
  const { at, reason, error } = lastError;
  return `${roughDuration(nowMs - Date.parse(at))} ago, ${reason}: ${error.split("\n").map(printable).join("\n    ")}`;
}

/** Formats the main parts of a policy; {@linkcode functionText} shows all of it. */
function policyCell(
  { attempts, timeout, policy: { concurrency, retry, order, batch, debounce, rate, maxAge, idempotency } }:
    FunctionStatus,
): string {
  return [
    `${attempts} ${attempts === 1 ? "try" : "tries"} of ${timeout}`,
    ...(attempts === 1 ? [] : [`${retry.jitter === "full" ? "up to" : "exactly"} ${retry.initial} … ${retry.max}`]),
    ...(typeof concurrency === "object" && "perKey" in concurrency ? [`${concurrency.perKey} per key at once`] : []),
    ...(order ? [`in order of each key${order.partitions ? `, ${order.partitions} partitions` : ""}`] : []),
    ...(batch ? [`in batches of ${batch.size}`] : []),
    ...(debounce ? [`the last, once quiet for ${debounce.quiet}`] : []),
    ...(rate ? [`${rate.limit} per ${rate.per}${rate.by ? " and key" : ""}`] : []),
    ...(maxAge ? [`maxAge ${maxAge}`] : []),
    ...(idempotency ? [`once in ${idempotency.ttl}`] : []),
  ].join("\n");
}

/** Formats the states of all breakers of a function. If all states are the same, the text is one word. */
function breakers({ breaker, dependencies }: FunctionStatus): string {
  const all = Object.entries(dependencies);
  if (all.every(([, state]) => state === breaker)) return breaker;
  return [`itself: ${breaker}`, ...all.map(([name, state]) => `${name}: ${state}`)].join("\n");
}

/** @param why Line that says why no process was asked. */
async function readCluster(why: string): Promise<{ status: readonly FunctionStatus[]; reached: boolean }> {
  const registry = await loadProject();
  console.error(printable(`${why}: breakers and events in flight are unknown`));
  const cluster = await connectCluster(commandConfig(), registry).catch((error) => {
    console.error(printable(`${error.message}; pending events are unknown`));
    return undefined;
  });
  if (!cluster) return { status: functionStatus(registry.functions, new Map()), reached: false };
  try {
    const { nc, jsm, names } = cluster;
    const reader = new LagReader(nc, jsm, durablesOf(registry.functions, names), systemClock, names);
    return { status: functionStatus(registry.functions, await reader.read(0)), reached: true };
  } finally {
    await cluster.close();
  }
}

function orderText(order: NonNullable<FunctionStatus["order"]>): string {
  const { state, waiting, blockedKeys, parkedKeys = 0, partitions } = order;
  const of = partitions && partitions.length > 0 ? ` of partitions ${partitions.join(", ")}` : "";
  const held = partitions ? "other processes hold the partitions" : "another process is the holder";
  const why = state === "standby" ? ` (${held}, or no event has come yet)` : "";
  const parked = parkedKeys > 0 ? `, ${count(parkedKeys, "parked key")}` : "";
  return `${state}${of}${why}, ${waiting} waiting, ${count(blockedKeys, "blocked key")}${parked}`;
}
