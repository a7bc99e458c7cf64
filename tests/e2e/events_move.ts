import { jetstream } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { commandRunner } from "../support/commands.ts";
import { type Broker, startBroker } from "../support/nats.ts";
import { copyProjectWith } from "../support/project.ts";
import type { ServerOptions } from "../../runtime/nats_server/server.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const EVENTS = 'import { defineEvent, defineStream } from "weir";\nimport { z } from "zod";\n' +
  'export const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({ n: z.int() }) });\n' +
  'export const Shipped = defineEvent({ type: "orders.shipped", version: 1, data: z.object({ n: z.int() }) });\n';
/** Returns the declaration of a stream. */
export const stream = (name: string, ...subjects: string[]) =>
  `export const ${name} = defineStream({ name: "${name}", subjects: ${JSON.stringify(subjects)} });\n`;
/** Returns the module of a function. */
export const on = (events: string) =>
  'import { defineFunction } from "weir";\nimport { Created, Shipped } from "../schemas/orders.ts";\n' +
  `export default defineFunction({ on: [${events}] }, ({ type, data }, ctx) => ctx.log.info("got", { type, ...data }));\n`;

/**
 * A project whose `mail` and `bill` listen to `orders.created`, on a server where ORDERS stores it, and SALES after
 * `change`.
 */
export async function movingProject(
  functions: Record<string, string> = { mail: on("Created"), bill: on("Created") },
  options: ServerOptions = {},
) {
  const broker = await startBroker(options), { jsm, nc } = broker;
  const files = Object.entries(functions).map(([name, text]) => [`functions/${name}.ts`, text]);
  const project = await copyProjectWith({ "schemas/orders.ts": EVENTS, ...Object.fromEntries(files) });
  const write = (file: string, text: string) => Deno.writeTextFile(`${project.path}/${file}`, text);
  const runner = (env: Record<string, string> = {}) => commandRunner(project.path, broker.server.url, env);
  const weir = Object.assign(runner(), { with: runner });
  const declare = (...streams: string[]) => write("schemas/orders.ts", EVENTS + streams.join(""));
  return {
    ...{ broker, project, write, weir, declare },
    publish: async (count: number, type = "orders.created", subject = type) => {
      const js = jetstream(nc);
      for (let n = 0; n < count; n += 500) {
        await Promise.all(Array.from({ length: Math.min(500, count - n) }, (_, i) => {
          const hdrs = headers(), event = { specversion: "1.0", id: `${type}-${n + i}`, type, source: "test" };
          for (const [name, value] of Object.entries(event)) hdrs.set(`ce-${name}`, value);
          return js.publish(subject, JSON.stringify({ n: n + i }), { headers: hdrs });
        }));
      }
    },
    /** Gives `orders.created` to SALES, as an operator does it. */
    change: async (name = "SALES") => {
      await jsm.streams.update("ORDERS", { subjects: ["orders.shipped"] });
      await declare(stream("ORDERS", "orders.shipped"), stream(name, "orders.created"));
    },
    start: (command: readonly string[], env: Record<string, string> = {}): Program => {
      const fixed = { NATS_URL: broker.server.url, PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NO_COLOR: "1" };
      return startWeir(project.path, command, { ...fixed, ...env });
    },
    waiting: async (name: string) => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info("ORDERS", name);
      return num_pending + num_ack_pending;
    },
    [Symbol.asyncDispose]: async () => {
      await broker[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Returns the numbers that a function has handled, by the log of its process. */
export function handledBy({ lines }: Program, name: string): number[] {
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter(({ message, function: fn }) => message === "got" && fn === name).map(({ n }) => n);
}

/** Returns the number of messages of a stream. */
export async function storedIn({ jsm }: Broker, name: string): Promise<number> {
  return (await jsm.streams.info(name)).state.messages;
}
