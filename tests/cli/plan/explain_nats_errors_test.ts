import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { answered } from "../../../runtime/cli/plan/explain_nats_errors.ts";
import { CommandFailure } from "../../../runtime/cli/terminal/exit_codes.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";

Deno.test("a cluster that does not answer is told of with what to do", async () => {
  await assert.rejects(answered(Promise.reject(new errors.TimeoutError())), (error) => {
    assert.ok(error instanceof CommandFailure);
    assert.match(error.message, /^JetStream does not answer \(timeout\): `deno task doctor` looks at every server/);
    return true;
  });
});

Deno.test("a user who may not look is told what it takes", async () => {
  const server = await startServer({
    config: `authorization { users: [
      { user: u, password: p, permissions: { publish: "$JS.API.INFO", subscribe: "_INBOX.>" } }
    ] }`,
  });
  const nc = await connectNats({ servers: [`nats://u:p@127.0.0.1:${server.port}`], name: "test" });
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  await assert.rejects(
    answered(jsm.streams.info("ORDERS")),
    /^Error: this NATS user may not look at all that it takes \(Permissions Violation .*STREAM\.INFO\.ORDERS"\): deploy\/README\.md lists/,
  );
  await nc.close();
  await server.stop();
});

Deno.test("any other error is left as it is", async () => {
  const error = new Error("a defect");
  await assert.rejects(answered(Promise.reject(error)), error);
});
