import { Command } from "commander";
import { connectCluster } from "../app/cluster.ts";
import { functionStatus } from "../app/function_status.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { FunctionStatus } from "../http/admin/function_routes.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { loadProject } from "../project/load_project.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { age, functionText, isRunning } from "./functions/function_text.ts";
import { examples } from "./terminal/help.ts";
import { suggestion } from "./terminal/suggestion.ts";
import { below, type Cell, COLUMNS, paint, printJson, type Screen, screen, table } from "./terminal/output.ts";

/** Fewest columns of a terminal for all columns of the table, and those left out on a narrower one. */
const WIDE = 110, WIDE_ONLY = ["policy", "unsettled"];
/** Characters of an error on a line that no terminal limits. */
const ERROR_LENGTH = 100;

const HELP = `
policy: attempts, timeout of each, and delays between: "up to 250ms … 1m" is a random delay below a limit
that grows from 250ms to 1m; busy: running handlers, and the most at once;
pending: stored and not delivered; unsettled: delivered and not settled; retry: delayed retries;
oldest: age of the oldest pending event.
`;

export function functionsCommand(): Command {
  return new Command("functions")
    .description("Show each function's triggers, policy, pending events and breaker, or one function in full.")
    .argument("[name]", "the function to show in full, with its whole policy and its last error")
    .option("--json", "print JSON")
    .addHelpText("after", HELP + examples("functions", "functions capturePayment", "functions --json"))
    .action(functions);
}

/** Shows the status from a running process, or from the project and the cluster if none answers. */
async function functions(name: string | undefined, options: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const running = await askRuntime(url, config.WEIR_ADMIN_KEY);
  const { status, reached } = running ? { status: running, reached: true } : await readCluster(url);
  if (name !== undefined) {
    const fn = status.find((fn) => fn.name === name);
    if (!fn) {
      const names = status.map((fn) => fn.name);
      throw new CommandFailure(`there is no function ${JSON.stringify(name)}: ${suggestion(name, names)}`);
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
    ["busy", (fn) => `${isRunning(fn) ? fn.inFlight : "?"} of ${fn.concurrency}`],
    ["pending", ({ pending }) => pending ?? "?"],
    ["unsettled", ({ ackPending }) => ackPending ?? "?"],
    ["retry", ({ delayedRetries }) => delayedRetries ?? "?"],
    ["oldest", ({ oldestWaitingMs }) => oldestWaitingMs === undefined ? "?" : age(oldestWaitingMs)],
    ["breaker", breakers],
  ];
  const columns = all.filter(([head]) => wide || !WIDE_ONLY.includes(head));
  const rows: Cell[][] = [];
  for (const fn of status) {
    rows.push(columns.map(([, cell]) => cell(fn)));
    if (fn.lastError === undefined) continue;
    const { at, reason, error } = fn.lastError;
    const [line] = error.split("\n");
    const short = !target.terminal && line.length > ERROR_LENGTH ? `${line.slice(0, ERROR_LENGTH)}…` : line;
    rows.push([below(`${age(nowMs - Date.parse(at))} ago, ${reason}: ${short}`, columns.length, target)]);
  }
  const text = table(columns.map(([head]) => head), rows, target);
  return wide
    ? text
    : `${text}\n${
      paint("dim", `${WIDE_ONLY.join(", ")}: on a terminal of ${WIDE} columns, or for one function by its NAME`, target)
    }`;
}

/** Formats the triggers of a function and the types it emits. */
function eventsCell({ triggers, emits }: FunctionStatus, { terminal }: Screen): string {
  if (terminal) return [...triggers, ...emits.map((type) => `→ ${type}`)].join("\n");
  return [triggers.join(", "), ...(emits.length > 0 ? [emits.join(", ")] : [])].join(" → ");
}

/** Formats the main parts of a policy; {@linkcode functionText} shows all of it. */
function policyCell({ attempts, timeout, policy: { retry, maxAge, idempotency } }: FunctionStatus): string {
  return [
    `${attempts} ${attempts === 1 ? "try" : "tries"} of ${timeout}`,
    ...(attempts === 1 ? [] : [`${retry.jitter === "full" ? "up to" : "exactly"} ${retry.initial} … ${retry.max}`]),
    ...(maxAge ? [`maxAge ${maxAge}`] : []),
    ...(idempotency ? [`once in ${idempotency.ttl}`] : []),
  ].join("\n");
}

/** Formats the states of all breakers of a function, as one word if all are in the same state. */
function breakers({ breaker, dependencies }: FunctionStatus): string {
  const all = Object.entries(dependencies);
  if (all.every(([, state]) => state === breaker)) return breaker;
  return [`itself: ${breaker}`, ...all.map(([name, state]) => `${name}: ${state}`)].join("\n");
}

async function askRuntime(url: string, key: string | undefined): Promise<FunctionStatus[] | undefined> {
  try {
    const headers: HeadersInit = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(4_000) });
    const status = response.ok ? await response.json() : undefined;
    // Another program, or an older version, may listen on that port.
    return Array.isArray(status) && status.every(({ policy }) => policy) ? status : undefined;
  } catch {
    return undefined; // no runtime here
  }
}

async function readCluster(url: string): Promise<{ status: FunctionStatus[]; reached: boolean }> {
  const registry = await loadProject();
  console.error(`no runtime answers at ${url} (ADMIN_HOST, ADMIN_PORT): breakers and events in flight are unknown`);
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
