import { connectCluster } from "../cluster.ts";
import { functionStatus } from "../function_status.ts";
import { systemClock } from "../clock.ts";
import type { FunctionStatus } from "../http/admin.ts";
import { LagReader } from "../nats/lag.ts";
import { durablesOf } from "../nats/topology.ts";
import { loadProject } from "../project.ts";
import { formatDuration } from "../rules/duration.ts";
import { commandConfig } from "./command_config.ts";
import { type Cell, printJson, type Screen, screen, table } from "./output.ts";

/** Of an error's text, what fits under a table for a terminal. */
const ERROR_LENGTH = 100;

/** `functions`: what a running process says of them; without one, what the project and the cluster say. */
export async function functions(options: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const status = await ask(url) ?? await look(url);
  if (options.json) return printJson(status);
  console.log(functionTable(status, screen(), Date.now()));
}

/** Every function in a row, with its last error below it; some 110 columns wide. */
export function functionTable(status: readonly FunctionStatus[], shown: Screen, nowMs: number): string {
  const head = ["function", "on, → emits", "attempts", "busy", "pending", "unsettled", "parked", "oldest", "breaker"];
  const rows: Cell[][] = [];
  for (const fn of status) {
    rows.push([
      fn.name,
      [...fn.triggers, ...fn.emits.map((type) => `→ ${type}`)].join("\n"),
      `${fn.attempts} of ${fn.timeout}`,
      `${fn.inFlight} of ${fn.concurrency}`,
      fn.pending ?? "?",
      fn.ackPending ?? "?",
      fn.parked ?? "?",
      fn.oldestWaitingMs === undefined ? "?" : age(fn.oldestWaitingMs),
      breakers(fn),
    ]);
    if (fn.lastError === undefined) continue;
    const { at, reason, error } = fn.lastError;
    const [line] = error.split("\n"), short = line.length > ERROR_LENGTH ? `${line.slice(0, ERROR_LENGTH)}…` : line;
    const content = `  ${age(nowMs - Date.parse(at))} ago, ${reason}: ${short}`;
    rows.push([{ colSpan: head.length, content }]);
  }
  return table(head, rows, shown);
}

/** The states of all its breakers, in one word where that is the same. */
function breakers({ breaker, dependencies }: FunctionStatus): string {
  const all = Object.entries(dependencies);
  if (all.every(([, state]) => state === breaker)) return breaker;
  return [`itself: ${breaker}`, ...all.map(([name, state]) => `${name}: ${state}`)].join("\n");
}

/** Rounded to what matters: `0` for nothing, else the two largest units. */
function age(ms: number): string {
  const round = ms < 10_000 ? 100 : ms < 3_600_000 ? 1_000 : 60_000;
  const rounded = Math.round(ms / round) * round;
  return rounded <= 0 ? "0" : rounded < 10_000 ? `${rounded / 1_000}s` : String(formatDuration(rounded));
}

async function ask(url: string): Promise<FunctionStatus[] | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined; // no process here: the caller looks for itself
  }
}

async function look(url: string): Promise<FunctionStatus[]> {
  const registry = await loadProject();
  console.error(`no runtime answers at ${url} (ADMIN_HOST, ADMIN_PORT): breakers and what is in flight are unknown`);
  const cluster = await connectCluster(commandConfig()).catch((error) => {
    console.error(`${error.message}; pending events are unknown`);
    return undefined;
  });
  if (!cluster) return functionStatus(registry.functions, new Map());
  try {
    const reader = new LagReader(cluster.nc, cluster.jsm, durablesOf(registry.functions), systemClock);
    return functionStatus(registry.functions, await reader.read(0));
  } finally {
    await cluster.close();
  }
}
