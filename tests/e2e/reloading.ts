import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** Returns the text of a function that logs each event and a version. */
export const tick = (version: string) => `
import { defineFunction } from "weir";
import { Tick } from "../schemas/ticks.ts";
export default defineFunction({ on: Tick }, (event, ctx) => ctx.log.info("tick", { n: event.data.n, version: "${version}" }));
`;
export const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Tick = defineEvent({ type: "ticks.made", version: 1, data: z.object({ n: z.int() }), ingress: {} });
`;

/** A `dev` that runs one function, `functions/count.ts`, on the event of `schemas/ticks.ts`. */
export interface Reloading extends AsyncDisposable {
  readonly dev: Program;
  readonly adminUrl: string;
  readonly path: string;
  write(file: string, code: string): Promise<void>;
  /** Writes the function of a version. */
  save(version: string): Promise<void>;
  /**
   * Writes the schema and the function of a version, and waits until they are live and nothing of before runs: the state
   * that a step begins with.
   */
  begin(version: string): Promise<void>;
  post(n: number, type?: string): Promise<{ n: number; status: number; text: string }>;
  /** Returns the events that were logged from the line number `from`. */
  seen(from: number): { n: number; version: string }[];
}

/**
 * Starts `dev`. Resolves once it is up, and its types are checked.
 *
 * @param code The function. Default: version "0".
 */
export async function startReloading(options: readonly string[] = [], code = tick("0")): Promise<Reloading> {
  const project = await copyProjectWith({ "functions/count.ts": code, "schemas/ticks.ts": SCHEMA });
  const write = (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code);
  const env = freePorts("PORT", "ADMIN_PORT"),
    dev = startWeir(project.path, ["dev", ...options], { ...env, LOG_LEVEL: "info" });
  await dev.waitForLine(/^Weir is up in/);
  if (!options.includes("--no-check")) await dev.waitForLine(/type check: no errors/);
  const save = (version: string) => write("functions/count.ts", tick(version));
  return {
    dev,
    adminUrl: `http://127.0.0.1:${env.ADMIN_PORT}`,
    path: project.path,
    write,
    save,
    begin: async (version) => {
      const from = dev.lines.length;
      await write("schemas/ticks.ts", SCHEMA);
      await save(version);
      await dev.waitForLine(/count\.ts.*: live/, from);
      await previousStopped(dev.pid);
    },
    post: async (n, type = "ticks.made") => {
      const body = JSON.stringify({ n }), headers = { "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${env.PORT}/events/${type}`, { method: "POST", headers, body });
      const text = await response.text();
      return { n, status: response.status, text };
    },
    seen: (from) =>
      dev.lines.slice(from).filter((line) => line.includes('"message":"tick"')).map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Waits until the previous revision has exited, after its successor passed the type check. */
export async function previousStopped(pid: number): Promise<void> {
  await eventually(async () => await revisionsOf(pid) <= 2); // the current one and the spare
}

/** Returns how many revisions of a `dev` run. */
async function revisionsOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "args=", "--ppid", String(pid)] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.endsWith(" revision")).length;
}
