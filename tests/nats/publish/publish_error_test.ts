import assert from "node:assert/strict";
import { DiscardPolicy, type StreamConfig } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { refusalError } from "../../../runtime/nats/publish/publish_error.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";
import { startBroker } from "../../support/nats.ts";
import { scaledClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { refusal, startStoring, withId } from "../../support/storing.ts";

for (
  const [limits, said] of [
    [{ max_msgs: 2 }, "maximum messages exceeded"],
    [{ max_bytes: 200 }, "maximum bytes exceeded"],
    [{ max_msgs_per_subject: 2, discard_new_per_subject: true }, "maximum messages per subject exceeded"],
  ] as [Partial<StreamConfig>, string][]
) {
  Deno.test(`PublishError of a stream at its ${Object.keys(limits)[0]} is full, at once`, async () => {
    await using bench = await startStoring();
    await bench.jsm.streams.update("ORDERS", { discard: DiscardPolicy.New, ...limits });
    await Promise.all(["order-1", "order-2"].map((id) => bench.put(id)));
    const error = await refusal(bench.put("order-3"));
    assert.equal(error.code, "full");
    assert.equal(
      error.message,
      'stream ORDERS is full and takes no "orders.created": raise its limits (max_msgs, max_bytes, ' +
        `max_msgs_per_subject), or remove what is not needed; JetStream says: ${said} (10077)`,
    );
    assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 2);
  });
}

Deno.test("PublishError of an account without storage left is full, at once, and names the account", async () => {
  const config = `accounts { SHOP { jetstream { max_file: 4000 }, users: [{ user: shop, password: secret }] } }
    no_auth_user: shop`;
  await using bench = await startStoring(systemClock, { config });
  const big = (id: string) => bench.publisher.publish("orders.created", new Uint8Array(10_000), withId(id));
  await big("order-1");
  const error = await refusal(big("order-2"));
  assert.equal(error.code, "full");
  assert.match(error.message, /^no room for "orders\.created" in stream ORDERS: .*NATS account.* \(100(02|23|47)\)$/);
});

Deno.test("PublishError of a message over the stream's limit is too-large, at once", async () => {
  await using bench = await startStoring();
  await bench.jsm.streams.update("ORDERS", { max_msg_size: 10 });
  const error = await refusal(bench.put("order-1"));
  assert.equal(error.code, "too-large");
  assert.equal(
    error.message,
    'a message for "orders.created" is larger than stream ORDERS takes: send less, or raise its max_msg_size; ' +
      "JetStream says: message size exceeds maximum allowed (10054)",
  );
});

Deno.test("PublishError of a message over the server's limit is too-large, headers included, and other messages are stored", async () => {
  await using bench = await startStoring();
  const limit = bench.nc.info!.max_payload;
  const block = "NATS/1.0\r\nNats-Msg-Id: order-1\r\n\r\n".length;
  const fits = bench.publisher.publish("orders.created", new Uint8Array(limit - block), withId("order-1"));
  const error = await refusal(bench.publisher.publish("orders.created", new Uint8Array(limit), withId("order-2")));
  assert.equal(error.code, "too-large");
  assert.equal(error.message, 'a message for "orders.created" with its headers is over the server\'s 1048576 bytes');
  assert.equal((await fits).sequence, 1);
  assert.equal((await bench.put("order-3")).sequence, 2);
});

Deno.test("PublishError of headers over the server's limit is too-large, at once", async () => {
  await using bench = await startStoring();
  const hdrs = withId("order-1");
  hdrs.set("x-note", "x".repeat(70_000));
  const error = await refusal(bench.publisher.publish("orders.created", new Uint8Array(1), hdrs));
  assert.equal(error.code, "too-large");
  assert.match(error.message, /^the headers of a message for "orders\.created" are too large: .* \(10097\)$/);
});

Deno.test("PublishError of a subject without a stream is no-stream, after eight seconds", async () => {
  const clock = scaledClock(10);
  await using bench = await startStoring(clock);
  const start = clock.now();
  const error = await refusal(bench.put("order-1", "unstored.type"));
  const took = clock.now() - start;
  assert.equal(error.code, "no-stream");
  assert.equal(
    error.message,
    'no stream stores "unstored.type": is `dev` or `start` running? Otherwise run `deno task apply`, also if the ' +
      "stream was deleted",
  );
  assert.ok(took >= 7_000, `it gave up after ${took} ms`);
});

Deno.test("PublishError is unavailable, and not no-stream, when JetStream itself does not answer", async () => {
  const clock = scaledClock(10);
  await using server = await startBroker({
    config: "accounts { PLAIN { users: [{ user: plain, password: p }] }, " +
      "SHOP { jetstream: enabled, users: [{ user: shop, password: p }] } }\nno_auth_user: shop",
  });
  // A user of an account without JetStream: connecting as the runtime does would refuse it.
  const nc = await connect({ servers: server.server.url, user: "plain", pass: "p" });
  server.defer(() => nc.close());
  const store = new JetStreamPublisher(nc, clock);
  server.defer(() => store.close());
  const error = await refusal(store.publish("orders.created", new Uint8Array(1), withId("order-1")));
  assert.equal(error.code, "unavailable");
  assert.match(
    error.message,
    /^"orders\.created" is not known to be stored: JetStream (is not available|does not answer)/,
  );
});

/** Configuration of a server with a user `some`, who is denied one subject. */
function denying(operation: "publish" | "subscribe", subject: string) {
  return `authorization { users: [
    { user: all, password: secret }
    { user: some, password: secret, permissions: { ${operation}: { deny: ${JSON.stringify(subject)} } } }
  ] }
  no_auth_user: all`;
}

Deno.test("PublishError of a subject that the user may not publish to is denied, at once, and others are stored", async () => {
  await using bench = await startStoring(systemClock, { config: denying("publish", "orders.secret") });
  const nc = await connectNats({ servers: [bench.server.url], name: "test", user: "some", password: "secret" });
  bench.defer(() => nc.close());
  const store = new JetStreamPublisher(nc, { ...systemClock, timer: () => () => {} }); // it cannot wait for anything
  bench.defer(() => store.close());
  const [secret, other] = await Promise.all([
    refusal(bench.put("order-1", "orders.secret", store)),
    bench.put("order-2", "orders.created", store),
  ]);
  assert.equal(secret.code, "denied");
  assert.equal(
    secret.message,
    'the NATS user may not publish to "orders.secret": allow it in the user\'s permissions, or use another user',
  );
  assert.deepEqual(other, { stream: "ORDERS", sequence: 1, duplicate: false });
});

Deno.test("PublishError of a user who may not receive publish acks is denied, at once", async () => {
  await using bench = await startStoring(systemClock, { config: denying("subscribe", "_INBOX.>") });
  const nc = await connect({ servers: bench.server.url, user: "some", pass: "secret" });
  bench.defer(() => nc.close());
  const store = new JetStreamPublisher(nc, systemClock);
  bench.defer(() => store.close());
  for (const id of ["order-1", "order-2", "order-3"]) {
    const error = await refusal(bench.put(id, "orders.created", store));
    assert.equal(error.code, "denied");
    assert.match(error.message, /^the NATS user may not subscribe to "_INBOX\.>", where JetStream answers: allow it/);
  }
});

Deno.test("PublishError on a closed connection is unavailable, at once", async () => {
  await using bench = await startStoring();
  await bench.nc.close();
  assert.equal((await refusal(bench.put("order-1"))).code, "unavailable");
});

for (
  const [code, err_code, description] of [
    [409, 10158, "duplicate message id is in process"],
    [400, 10164, "wrong last sequence"],
    [429, 10167, "too many requests"],
    [500, 10009, "JetStream cluster can not handle request"],
    [503, 10008, "JetStream system temporarily unavailable"],
    [503, 10077, "raft: not leader"],
  ] as const
) {
  Deno.test(`refusalError is undefined for "${description}", which does not last`, () => {
    assert.equal(refusalError("orders.created", "ORDERS", { code, err_code, description }), undefined);
  });
}

for (
  const [err_code, description, problem] of [
    [10002, "resource limits exceeded for account", "full"],
    [10023, "insufficient resources", "full"],
    [10028, "insufficient memory resources available", "full"],
    [10047, "insufficient storage resources available", "full"],
    [10077, "write 1.blk: no space left on device", "full"],
    [10071, "wrong last sequence: 5", "refused"],
    [10109, "invalid operation on sealed stream", "full"],
  ] as const
) {
  Deno.test(`refusalError is ${problem} for "${description}"`, () => {
    const error = refusalError("orders.created", undefined, { code: 400, err_code, description });
    assert.equal(error?.code, problem);
    assert.ok(error.message.includes(`${description} (${err_code})`), error.message);
  });
}

Deno.test("JetStreamPublisher stores again in a full stream that was purged", async () => {
  await using bench = await startStoring();
  await bench.jsm.streams.update("ORDERS", { discard: DiscardPolicy.New, max_msgs: 1 });
  await bench.put("order-1");
  assert.equal((await refusal(bench.put("order-2"))).code, "full");
  await bench.jsm.streams.purge("ORDERS");
  assert.equal((await eventually(() => bench.put("order-2"))).sequence, 2);
});
