/** Runs the tasks of a project that `init` created, and publishes an event to it. */
import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { argumentsOf } from "../../runtime/cli/start/start_arguments.ts";
import { freePorts } from "../support/ports.ts";
import { type Program, startDeno } from "../support/weir_process.ts";

/** Starts a task's command, with the permissions of the task. */
export async function startTask(project: string, name: string, env: Record<string, string>): Promise<Program> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
  const [run, ...args] = argumentsOf(tasks[name].command, Deno.execPath());
  return startDeno(project, [run, "--no-prompt", ...args], env);
}

/** Publishes an event, and waits until the project's function has handled it. */
export async function handlesAnEvent(program: Program, port: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userId: "u1", email: "ada@example.com" }),
  });
  assert.equal(response.status, 202, await response.text());
  await program.waitForLog((line) => line.function === "welcomeUser" && line.outcome === "ack");
}

/**
 * Runs the task `start` on its own nats-server until it has handled one event and shown its metrics, whose modules are
 * loaded at the first scrape. Returns the lines of its log.
 */
export async function startHandlesAnEvent(
  project: string,
  env: Record<string, string> = {},
): Promise<readonly string[]> {
  await using server = await startServer();
  const ports = freePorts("PORT", "ADMIN_PORT");
  const all = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, ...env };
  await using program = await startTask(project, "start", all);
  await program.waitForLog(({ message }) => message === "ready");
  await handlesAnEvent(program, ports.PORT);
  const metrics = await (await fetch(`http://127.0.0.1:${ports.ADMIN_PORT}/metrics`)).text();
  assert.match(metrics, /^weir_function_outcomes_total\{.*outcome="ack".*\} 1$/m);
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0, program.lines.join("\n"));
  return program.lines;
}
