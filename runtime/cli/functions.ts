import Table from "cli-table3";
import { connectCluster } from "../cluster.ts";
import { functionStatus } from "../function_status.ts";
import type { FunctionStatus } from "../http/admin.ts";
import { loadProject } from "../project.ts";
import { commandConfig } from "./command_config.ts";

/** `functions`: what a running process says of them; without one, what the project and the cluster say. */
export async function functions(options: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const url = `http://${config.ADMIN_HOST}:${config.ADMIN_PORT}/functions`;
  const status = await ask(url) ?? await look(url);
  if (options.json) return console.log(JSON.stringify(status, null, 2));
  const table = new Table({
    head: ["function", "on", "emits", "attempts", "timeout", "at once", "in flight", "pending", "unsettled", "breaker"],
    style: { head: Deno.stdout.isTerminal() && !Deno.noColor ? ["bold"] : [], border: [] },
  });
  for (const fn of status) {
    const { name, attempts, timeout, concurrency, inFlight } = fn;
    const breaker = [
      `itself: ${fn.breaker}`,
      ...Object.entries(fn.dependencies).map(([name, state]) => `${name}: ${state}`),
    ].join(
      "\n",
    );
    const lists = [fn.triggers.join("\n"), fn.emits.join("\n")];
    table.push([
      name,
      ...lists,
      attempts,
      timeout,
      concurrency,
      inFlight,
      fn.pending ?? "?",
      fn.ackPending ?? "?",
      breaker,
    ]);
  }
  console.log(table.toString());
}

async function ask(url: string): Promise<FunctionStatus[] | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
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
  try {
    return await functionStatus(cluster?.jsm, registry.functions);
  } finally {
    await cluster?.close();
  }
}
