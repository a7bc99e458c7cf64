import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FILES = {
  "schemas/demo.ts": `
    import { defineEvent } from "weir";
    import { z } from "zod";
    export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({}), ingress: {} });
  `,
  "functions/slow.ts": `
    import { defineFunction } from "weir";
    import { Asked } from "../schemas/demo.ts";
    export default defineFunction({ on: Asked }, async (_event, ctx) => {
      ctx.log.info("begun");
      await fetch(Deno.env.get("GATE")!);
    });
  `,
};

Deno.test("start shuts down on each signal that asks a process to stop, once its handlers have finished", async (t) => {
  await using server = await startServer();
  await using project = await copyProjectWith(FILES);
  let open = Promise.withResolvers<void>();
  await using gate = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    await open.promise;
    return new Response();
  });
  const env = { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url };
  for (const signal of ["SIGQUIT", "SIGTERM", "SIGINT"] as const) {
    await t.step(signal, async () => {
      open = Promise.withResolvers();
      const GATE = `http://127.0.0.1:${gate.addr.port}/`;
      await using program = startWeir(project.path, ["start"], { ...env, GATE });
      const { url } = await program.waitForLog(({ message }) => message === "ready");
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/events/demo.asked`, { method: "POST", headers, body: "{}" });
      assert.equal(response.status, 202, await response.text());
      await program.waitForLog(({ message }) => message === "begun");
      program.kill(signal);
      assert.equal((await program.waitForLog(({ message }) => message === "shutting down")).signal, signal);
      open.resolve();
      await program.waitForLog(({ message, outcome }) => message === "handled" && outcome === "ack");
      assert.equal((await program.status).code, 0);
      await eventually(() => program.lines.some((line) => JSON.parse(line).message === "stopped"));
    });
  }
});

Deno.test("start without a terminal reads credentials again on SIGHUP, and goes on", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith(FILES);
  await using folder = await temporaryDirectory();
  const file = `${folder.path}/keys`;
  await Deno.writeTextFile(file, "shop:first-key");
  await using program = startWeir(project.path, ["start"], {
    PORT: "0",
    ADMIN_PORT: "0",
    HOST: "127.0.0.1",
    NATS_URL: server.url,
    GATE: "http://127.0.0.1:1/",
    WEIR_API_KEYS_FILE: file,
  });
  const { url } = await program.waitForLog(({ message }) => message === "ready");
  const statusWith = async (key: string) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const response = await fetch(`${url}/events/demo.asked`, { method: "POST", headers, body: "[]" });
    await response.body?.cancel();
    return response.status;
  };
  assert.deepEqual([await statusWith("first-key"), await statusWith("second-key")], [400, 401]);
  await Deno.writeTextFile(file, "shop:second-key");
  program.kill("SIGHUP");
  await program.waitForLog(({ message }) => message === "API keys replaced");
  assert.deepEqual([await statusWith("first-key"), await statusWith("second-key")], [401, 400]);
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0);
});
