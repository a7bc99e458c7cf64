import { Command } from "commander";
import { connectCluster } from "../cluster.ts";
import { functionStatus } from "../function_status.ts";
import { systemClock } from "../clock.ts";
import type { FunctionStatus } from "../http/admin.ts";
import { LagReader } from "../nats/lag.ts";
import { durablesOf } from "../nats/topology.ts";
import { loadProject } from "../project.ts";
import { commandConfig } from "./command_config.ts";
import { CommandFailure } from "./exit_codes.ts";
import { age, functionText } from "./function_text.ts";
import { examples } from "./help.ts";
import { suggestion } from "./suggest.ts";
import { type Cell, printJson, type Screen, screen, table } from "./output.ts";

/** Of an error's text, what fits under a table for a terminal. */
const ERROR_LENGTH = 100;

/** `functions`. */
export function functionsCommand(): Command {
  return new Command("functions")
    .description("Show every function: what wakes it, its policy, how far behind it is, its breaker; or one in full.")
    .argument("[name]", "the function to show in full: its whole policy, what is a default, its last error")
    .option("--json", "print JSON")
    .addHelpText("after", examples("functions", "functions capturePayment", "functions --json"))
    .action(functions);
}

/** What a running process says of them; without one, what the project and the cluster say. */
async function functions(name: string | undefined, options: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const status = await ask(url) ?? await look(url);
  if (name !== undefined) {
    const one = status.find((fn) => fn.name === name);
    if (!one) {
      const names = status.map((fn) => fn.name);
      throw new CommandFailure(`no function is called ${JSON.stringify(name)}: ${suggestion(name, names)}`);
    }
    return options.json ? printJson(one) : console.log(functionText(one, screen(), Date.now()));
  }
  if (options.json) return printJson(status);
  console.log(functionTable(status, screen(), Date.now()));
}

/** Every function in a row, with its last error below it; some 110 columns wide. */
export function functionTable(status: readonly FunctionStatus[], shown: Screen, nowMs: number): string {
  const head = ["function", "on, → emits", "policy", "busy", "pending", "unsettled", "parked", "oldest", "breaker"];
  const rows: Cell[][] = [];
  for (const fn of status) {
    rows.push([
      fn.name,
      [...fn.triggers, ...fn.emits.map((type) => `→ ${type}`)].join("\n"),
      policyCell(fn),
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

/** What matters at a glance; the rest is told of one function alone. */
function policyCell({ attempts, timeout, policy: { retry, maxAge, idempotency } }: FunctionStatus): string {
  return [
    `${attempts} of ${timeout}`,
    `${retry.initial}…${retry.max}×${retry.factor}`,
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
