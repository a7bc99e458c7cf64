import { Command } from "commander";
import { connectCluster } from "../app/cluster.ts";
import { functionStatus } from "../app/function_status.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { FunctionStatus } from "../http/admin/function_routes.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import { durablesOf } from "../nats/topology/topology.ts";
import { loadProject } from "../project/load_project.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { age, functionText } from "./functions/function_text.ts";
import { examples } from "./terminal/help.ts";
import { suggestion } from "./terminal/suggestion.ts";
import { below, type Cell, COLUMNS, paint, printJson, type Screen, screen, table } from "./terminal/output.ts";

/** A terminal that is less wide has no room for all: these can be spared. */
const WIDE = 110, SPARED = ["policy", "unsettled"];
/** Of an error's text, what a line in a pipe has. */
const ERROR_LENGTH = 100;

const HELP = `
policy: how often it is tried, how long each try may take, and the waits between; busy: running, of
at most; pending: stored and not handed out; unsettled: handed out and not done; parked: waiting for
the next try; oldest: how long the oldest of those pending has waited.
`;

/** `functions`. */
export function functionsCommand(): Command {
  return new Command("functions")
    .description("Show every function: what wakes it, its policy, how far behind it is, its breaker; or one in full.")
    .argument("[name]", "the function to show in full: its whole policy, what is a default, its last error")
    .option("--json", "print JSON")
    .addHelpText("after", HELP + examples("functions", "functions capturePayment", "functions --json"))
    .action(functions);
}

/** What a running process says of them; without one, what the project and the cluster say. */
async function functions(name: string | undefined, options: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const running = await ask(url), { status, reached } = running ? { status: running, reached: true } : await look(url);
  if (name !== undefined) {
    const one = status.find((fn) => fn.name === name);
    if (!one) {
      const names = status.map((fn) => fn.name);
      throw new CommandFailure(`no function is called ${JSON.stringify(name)}: ${suggestion(name, names)}`);
    }
    if (options.json) printJson(one);
    else console.log(functionText(one, screen(), Date.now()));
  } else if (options.json) printJson(status);
  else console.log(functionTable(status, screen(), Date.now()));
  if (!reached) throw new CommandFailure(""); // of which it was told already
}

/** Every function in a row, with its last error below it; on a narrow terminal without what can be spared. */
export function functionTable(status: readonly FunctionStatus[], shown: Screen, nowMs: number): string {
  const wide = !shown.terminal || (shown.columns ?? COLUMNS) >= WIDE;
  const all: [head: string, cell: (fn: FunctionStatus) => Cell][] = [
    ["function", ({ name }) => name],
    ["on → emits", (fn) => eventsCell(fn, shown)],
    ["policy", policyCell],
    ["busy", ({ inFlight, concurrency }) => `${inFlight} of ${concurrency}`],
    ["pending", ({ pending }) => pending ?? "?"],
    ["unsettled", ({ ackPending }) => ackPending ?? "?"],
    ["parked", ({ parked }) => parked ?? "?"],
    ["oldest", ({ oldestWaitingMs }) => oldestWaitingMs === undefined ? "?" : age(oldestWaitingMs)],
    ["breaker", breakers],
  ];
  const columns = all.filter(([head]) => wide || !SPARED.includes(head));
  const rows: Cell[][] = [];
  for (const fn of status) {
    rows.push(columns.map(([, cell]) => cell(fn)));
    if (fn.lastError === undefined) continue;
    const { at, reason, error } = fn.lastError;
    const [line] = error.split("\n");
    const short = !shown.terminal && line.length > ERROR_LENGTH ? `${line.slice(0, ERROR_LENGTH)}…` : line;
    rows.push([below(`${age(nowMs - Date.parse(at))} ago, ${reason}: ${short}`, columns.length, shown)]);
  }
  const text = table(columns.map(([head]) => head), rows, shown);
  return wide
    ? text
    : `${text}\n${paint("dim", `${SPARED.join(", ")}: with ${WIDE} columns, or for one function by its NAME`, shown)}`;
}

/** What wakes it, and what comes of it. */
function eventsCell({ triggers, emits }: FunctionStatus, { terminal }: Screen): string {
  if (terminal) return [...triggers, ...emits.map((type) => `→ ${type}`)].join("\n");
  return [triggers.join(", "), ...(emits.length > 0 ? [emits.join(", ")] : [])].join(" → ");
}

/** What matters at a glance; the rest is told of one function alone. */
function policyCell({ attempts, timeout, policy: { retry, maxAge, idempotency } }: FunctionStatus): string {
  return [
    `${attempts} ${attempts === 1 ? "try" : "tries"} of ${timeout}`,
    ...(attempts === 1 ? [] : [`waits ${retry.initial} to ${retry.max}`]),
    ...(maxAge ? [`maxAge ${maxAge}`] : []),
    ...(idempotency ? [`once in ${idempotency.ttl}`] : []),
  ].join("\n");
}

/** The states of all its breakers, in one word where that is the same. */
function breakers({ breaker, dependencies }: FunctionStatus): string {
  const all = Object.entries(dependencies);
  if (all.every(([, state]) => state === breaker)) return breaker;
  return [`itself: ${breaker}`, ...all.map(([name, state]) => `${name}: ${state}`)].join("\n");
}

async function ask(url: string): Promise<FunctionStatus[] | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
    const status = response.ok ? await response.json() : undefined;
    // At that port there may be another program, or an older one.
    return Array.isArray(status) && status.every(({ policy }) => policy) ? status : undefined;
  } catch {
    return undefined; // no process here: the caller looks for itself
  }
}

async function look(url: string): Promise<{ status: FunctionStatus[]; reached: boolean }> {
  const registry = await loadProject();
  console.error(`no runtime answers at ${url} (ADMIN_HOST, ADMIN_PORT): breakers and what is in flight are unknown`);
  const cluster = await connectCluster(commandConfig()).catch((error) => {
    console.error(`${error.message}; pending events are unknown`);
    return undefined;
  });
  if (!cluster) return { status: functionStatus(registry.functions, new Map()), reached: false };
  try {
    const reader = new LagReader(cluster.nc, cluster.jsm, durablesOf(registry.functions), systemClock);
    return { status: functionStatus(registry.functions, await reader.read(0)), reached: true };
  } finally {
    await cluster.close();
  }
}
