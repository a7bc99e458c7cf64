import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";

const data = z.object({ n: z.int() });
const Ping = defineEvent({ type: "game.ping", version: 1, data, ingress: {} });
const Pong = defineEvent({ type: "game.pong", version: 1, data });

Deno.test("a chain of emitted events ends as `looped` after 50, also of two functions and through retries", async () => {
  const ping = defineFunction({ on: Ping, emits: [Pong], retry: { initial: "1ms" } }, (event, ctx) => {
    if (ctx.attempt === 1 && event.data.n % 10 === 0) throw new Error("again");
    ctx.emit(Pong, { n: event.data.n + 1 });
  });
  const pong = defineFunction({ on: Pong, emits: [Ping] }, (event, ctx) => ctx.emit(Ping, { n: event.data.n + 1 }));
  await using runtime = await startTestRuntime({ functions: { ping, pong } });
  // No header of a caller counts: neither shortens nor lengthens the chain.
  const headers = {
    "content-type": "application/json",
    "weir-hops": "49",
  };
  const response = await fetch(`${runtime.url}/events/game.ping`, { method: "POST", headers, body: '{"n":0}' });
  assert.equal(response.status, 202, await response.text());
  const letter = await runtime.waitForDeadLetter("pong");
  assert.deepEqual([letter.headers["weir-reason"], letter.headers["weir-attempts"]], ["looped", "0"]);
  assert.match(letter.headers["weir-error"], /^LoopError: it ends a chain of 51 emitted events, .* more than 50/);
  const handled = runtime.settled.filter(({ outcome }) => outcome.kind === "ack");
  assert.equal(handled.length, 51);
  // A redrive is a decision of the operator: the chain begins anew, and ends again.
  const nc = await connect({ servers: runtime.server.url }), jsm = await jetstreamManager(nc);
  await (await fetch(`${runtime.adminUrl}/dead-letters/1/redrive`, { method: "POST" })).text();
  await eventually(async () => (await jsm.streams.info("DEAD_LETTERS")).state.last_seq === 2);
  await nc.close();
});

Deno.test("maxHops lets a function continue a longer chain, or only a shorter one", async () => {
  const count = (maxHops: number) =>
    defineFunction({ on: Ping, emits: [Ping], maxHops }, (event, ctx) => {
      if (event.data.n < 60) ctx.emit(Ping, { n: event.data.n + 1 });
    });
  for (const [maxHops, runs] of [[60, 61], [3, 4]]) {
    await using runtime = await startTestRuntime({ functions: { count: count(maxHops) } });
    await runtime.publishAndSettle(Ping, { n: 0 });
    const ends = runtime.settled.map(({ outcome }) => outcome.kind === "dead-letter" ? outcome.reason : outcome.kind);
    assert.deepEqual(ends, [...Array(runs).fill("ack"), ...(maxHops < 60 ? ["looped"] : [])]);
  }
});
