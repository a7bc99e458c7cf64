import assert from "node:assert/strict";
import { BodyLimits } from "../../runtime/http/body_limits.ts";
import { timedBody } from "../../runtime/http/timed_body.ts";
import { manualClock } from "../support/clocks.ts";

const LENGTH = 3_000_000;

function setup(text = "é".repeat(LENGTH / 2)) {
  const clock = manualClock(), limits = new BodyLimits(1_000, clock, 1, 1_000_000);
  const reservation = limits.reserve(undefined), body = timedBody(text, reservation);
  reservation.release();
  return { clock, response: new Response(body), isFull: () => !limits.room.hasRoom(undefined, 1) };
}

Deno.test("timedBody takes memory until the response is read", async () => {
  const { response, isFull } = setup();
  assert.ok(isFull());
  assert.equal(await response.text(), "é".repeat(LENGTH / 2));
  assert.equal(isFull(), false);
});

Deno.test("timedBody ends a response that is not read within half a minute, and takes no more memory", async () => {
  const { clock, response, isFull } = setup(), reader = response.body!.getReader();
  for (let pieces = 0; pieces < 2; pieces++) {
    await reader.read();
    await clock.timerSet(30_000);
    clock.advance(20_000);
  }
  assert.ok(isFull());
  clock.advance(10_001);
  await assert.rejects(reader.read(), /the response was not read within 30 s/);
  assert.equal(isFull(), false);
});

Deno.test("timedBody takes no more memory once the connection has ended", async () => {
  const { response, isFull } = setup(), reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(isFull(), false);
});

Deno.test("timedBody is the text itself if that is short", () => {
  const { isFull } = setup("[]");
  assert.equal(isFull(), false);
});
