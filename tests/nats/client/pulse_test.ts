import assert from "node:assert/strict";
import { Pulse } from "../../../runtime/nats/client/pulse.ts";
import { TestClock } from "../../../runtime/testing/test_clock.ts";

/** A pulse on a server that answers when it is told to. */
function setup() {
  const clock = new TestClock();
  const owed: PromiseWithResolvers<void>[] = [];
  let asked = 0;
  const flush = () => {
    asked++;
    const answer = Promise.withResolvers<void>();
    owed.push(answer);
    return answer.promise;
  };
  const pulse = new Pulse({ flush, getServer: () => "nats:4222" }, clock);
  const answer = async (end: "resolve" | "reject" = "resolve") => {
    owed.shift()![end]();
    await Promise.resolve();
  };
  pulse.start();
  return { clock, pulse, answer, asked: () => asked };
}

Deno.test("a server that answers is asked every two seconds, and is no problem", async () => {
  const { clock, pulse, answer, asked } = setup();
  for (let n = 1; n <= 5; n++) {
    assert.equal(asked(), n);
    await answer();
    clock.move(2_000);
    assert.equal(pulse.problem(), undefined);
  }
});

Deno.test("one that owes an answer for four seconds is a problem until it gives it, and is not asked again", async () => {
  const { clock, pulse, answer, asked } = setup();
  clock.move(3_999);
  assert.equal(pulse.problem(), undefined);
  clock.move(1);
  assert.equal(pulse.problem(), "nats:4222 has not answered for 4 s");
  clock.move(60_000);
  assert.equal(pulse.problem(), "nats:4222 has not answered for 64 s");
  assert.equal(asked(), 1);
  await answer();
  assert.equal(pulse.problem(), undefined);
});

Deno.test("a connection that is lost is a problem at once, until it is made again", async () => {
  const { clock, pulse, answer, asked } = setup();
  pulse.disconnected("nats:4222");
  await answer("reject");
  assert.equal(pulse.problem(), "disconnected from nats:4222");
  clock.move(10_000);
  assert.equal(asked(), 1);
  pulse.reconnected();
  assert.equal(pulse.problem(), undefined);
  clock.move(2_000);
  assert.equal(asked(), 2);
});

Deno.test("an answer that was still owed by the connection before says nothing of this one", async () => {
  const { clock, pulse, answer } = setup();
  pulse.disconnected("nats:4222");
  pulse.reconnected();
  clock.move(2_000); // asked again
  await answer("reject"); // the first
  clock.move(4_000);
  assert.equal(pulse.problem(), "nats:4222 has not answered for 4 s");
});

Deno.test("once stopped it asks no more", async () => {
  const { clock, pulse, answer, asked } = setup();
  await answer();
  pulse.stop();
  clock.move(10_000);
  assert.equal(asked(), 1);
});
