import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCommands } from "../support/commands.ts";
import { copyProjectWith } from "../support/project.ts";

const FILES = {
  "schemas/orders.ts": `
    import { defineEvent } from "weir";
    import { z } from "zod";
    export const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({}), ingress: {} });`,
  "functions/handle.ts": `
    import { defineFunction } from "weir";
    import { Created } from "../schemas/orders.ts";
    export default defineFunction({ on: Created }, () => {});`,
};

async function setup() {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProjectWith(FILES)), file = `${project.path}/deno.json`;
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const all = scope.move();
  const weir = all.use(await startCommands(project.path, server.url));
  return {
    jsm: await jetstreamManager(nc),
    call: async (name: string) => {
      const json = JSON.parse(await Deno.readTextFile(file));
      await Deno.writeTextFile(file, JSON.stringify({ ...json, name, exports: {} }));
    },
    run: (args: string[], namespace = "") => weir.with({ WEIR_NAMESPACE: namespace })(...args),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const COMMANDS = [
  ["functions", "pause", "handle"],
  ["functions", "resume", "handle"],
  ["events", "cancel", "ORDERS", "1", "--function", "handle"],
  ["replay", "handle", "--from", "1"],
  ["functions", "rename", "handle", "other"],
];

for (const namespace of ["", "ns"]) {
  const where = namespace ? `in the namespace ${namespace}` : "without a namespace";
  Deno.test(`functions, replay and events cancel work on what carries the project's mark, and refuse another's, ${where}`, async () => {
    await using shop = await setup();
    const { call, run, jsm } = shop;
    await call("shop");
    assert.equal((await run(["apply"], namespace)).code, 0);
    assert.equal((await run(["publish", "orders.created", "{}"], namespace)).code, 0);
    const prefix = namespace && `${namespace}_`;
    const inNamespace = (args: string[]) => args.map((arg) => arg === "ORDERS" ? `${prefix}ORDERS` : arg);
    const read = async () => {
      const of = (stream: string) => Array.fromAsync(jsm.consumers.list(prefix + stream), ({ config }) => config);
      return [await of("ORDERS"), await of("RETRIES")];
    };
    await call("billing");
    const before = await read();
    for (const command of COMMANDS) {
      const { code, text } = await run(inNamespace(command), namespace);
      assert.deepEqual(
        [code, /it belongs to the project "shop"/.test(text)],
        [1, true],
        `${command.join(" ")}: ${text}`,
      );
    }
    assert.deepEqual(await read(), before);
    await call("shop");
    for (const command of COMMANDS) {
      const { code, text } = await run(inNamespace(command), namespace);
      assert.equal(code, 0, `${command.join(" ")}: ${text}`);
    }
  });
}
