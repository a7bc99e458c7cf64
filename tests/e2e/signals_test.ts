import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
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
  for (const signal of ["SIGHUP", "SIGQUIT", "SIGTERM", "SIGINT"] as const) {
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
