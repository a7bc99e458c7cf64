import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { Answers } from "../../../runtime/nats/consume/answers.ts";
import { eventually } from "../../support/eventually.ts";

/** A connection, and everything that it was heard to say on `answers.>`. */
async function setup() {
  const server = await startServer();
  const nc = await connect({ servers: server.url }), ear = await connect({ servers: server.url });
  const heard: string[] = [];
  ear.subscribe("answers.>", { callback: (_, msg) => void heard.push(`${msg.subject} ${msg.string()}`) });
  await ear.flush();
  return {
    nc,
    heard,
    async [Symbol.asyncDispose]() {
      await Promise.all([nc.close(), ear.close()]);
      await server.stop();
    },
  };
}

Deno.test("the client can still be made to send answers in groups", async () => {
  await using world = await setup();
  assert.ok(new Answers(world.nc, () => 0).grouped, "its protocol has changed: see runtime/nats/consume/answers.ts");
});

Deno.test("the answers of one turn leave together, in their order, and none before its end", async () => {
  await using world = await setup();
  const writes: Uint8Array[] = [];
  const { protocol } = world.nc as unknown as { protocol: { sendCommand(bytes: Uint8Array): void } };
  const send = protocol.sendCommand.bind(protocol);
  protocol.sendCommand = (bytes) => {
    writes.push(bytes);
    send(bytes);
  };
  const answers = new Answers(world.nc, () => 0);
  for (const name of ["a", "b", "c"]) answers.give(`answers.${name}`, "+ACK");
  assert.deepEqual(writes, []);
  await eventually(() => world.heard.length === 3);
  assert.deepEqual(world.heard, ["answers.a +ACK", "answers.b +ACK", "answers.c +ACK"]);
  assert.equal(writes.length, 1);
});

Deno.test("more answers than fit a group leave before the end of the turn", async () => {
  await using world = await setup();
  const answers = new Answers(world.nc, () => 0);
  for (let i = 0; i < 2_000; i++) answers.give(`answers.${i}`, "+TERM weir: rejected");
  await eventually(() => world.heard.length === 2_000);
  assert.deepEqual(world.heard, Array.from({ length: 2_000 }, (_, i) => `answers.${i} +TERM weir: rejected`));
});

Deno.test("after a reconnect the answers since a time are given again, and no older ones", async () => {
  await using world = await setup();
  let nowMs = 1_000;
  const answers = new Answers(world.nc, () => nowMs);
  answers.give("answers.old", "+ACK");
  await eventually(() => world.heard.length === 1);
  nowMs = 2_000;
  answers.give("answers.new", "+ACK");
  await eventually(() => world.heard.length === 2);
  answers.repeat(2_000);
  await eventually(() => world.heard.length === 3);
  assert.equal(world.heard[2], "answers.new +ACK");
  answers.repeat(0);
  await world.nc.flush();
  answers.give("answers.last", "+ACK");
  await eventually(() => world.heard.includes("answers.last +ACK"));
  assert.equal(world.heard.length, 4);
});

Deno.test("no more than some thousand answers are remembered", async () => {
  await using world = await setup();
  const answers = new Answers(world.nc, () => 0);
  for (let i = 0; i < 40_000; i++) answers.give(`answers.${i}`, "+ACK");
  await eventually(() => world.heard.length === 40_000);
  world.heard.length = 0;
  answers.repeat(0);
  answers.give("answers.last", "+ACK");
  await eventually(() => world.heard.includes("answers.last +ACK"));
  assert.ok(world.heard.length > 10_000 && world.heard.length < 30_000, String(world.heard.length));
  assert.equal(world.heard[world.heard.length - 2], "answers.39999 +ACK");
});

Deno.test("without the client's protocol each answer is published by itself", async () => {
  const published: string[] = [];
  const nc = {
    isClosed: () => false,
    publish: (subject: string, text: unknown) => void published.push(`${subject} ${text}`),
  };
  const answers = new Answers(nc, () => 0);
  answers.give("answers.a", "+ACK");
  answers.give("answers.b", "+TERM weir: rejected");
  await eventually(() => published.length === 2);
  assert.deepEqual(published, ["answers.a +ACK", "answers.b +TERM weir: rejected"]);
  assert.equal(answers.grouped, false);
});
