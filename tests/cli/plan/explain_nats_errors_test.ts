import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { explainNatsErrors } from "../../../runtime/cli/plan.ts";
import { CommandFailure } from "../../../runtime/cli/terminal/exit_codes.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";

Deno.test("explainNatsErrors names a fix when JetStream does not answer", async () => {
  await assert.rejects(explainNatsErrors(Promise.reject(new errors.TimeoutError())), (error) => {
    assert.ok(error instanceof CommandFailure);
    assert.match(error.message, /^JetStream does not answer \(timeout\): check the servers with `deno task doctor`/);
    return true;
  });
});

Deno.test("explainNatsErrors names the permission that a user lacks", async () => {
  const server = await startServer({
    config: `authorization { users: [
      { user: u, password: p, permissions: { publish: "$JS.API.INFO", subscribe: "_INBOX.>" } }
    ] }`,
  });
  const nc = await connectNats({ servers: [`nats://u:p@127.0.0.1:${server.port}`], name: "test" });
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  await assert.rejects(
    explainNatsErrors(jsm.streams.info("ORDERS")),
    /^Error: this NATS user lacks a permission \(Permissions Violation .*STREAM\.INFO\.ORDERS"\): deploy\/README\.md lists/,
  );
  await nc.close();
  await server.stop();
});

Deno.test("explainNatsErrors rethrows any other error", async () => {
  const error = new Error("a defect");
  await assert.rejects(explainNatsErrors(Promise.reject(error)), error);
});
