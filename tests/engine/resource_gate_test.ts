import assert from "node:assert/strict";
import { NonRetryableError } from "weir";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { ResourceGate } from "../../runtime/engine/resource_gate.ts";
import { manualClock } from "../support/clocks.ts";

/** A gate whose checks end when the test says so. */
function gateOf() {
  const clock = manualClock(), changes: (string | undefined)[] = [];
  let admissions = 0;
  const checks: ((problem?: string) => void)[] = [];
  const check = () => new Promise<string | undefined>((resolve) => checks.push(resolve));
  const gate = new ResourceGate({ name: "db", check }, clock, (problem) => void changes.push(problem));
  gate.onChange(() => admissions++);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
  return {
    gate,
    clock,
    changes,
    checks,
    admissions: () => admissions,
    end: async (problem?: string) => {
      await settled(); // the check begins a few microtasks after a failure
      checks.shift()!(problem);
      await settled();
    },
    run: (handler: () => unknown) => gate.middleware({} as Attempt, handler),
    settled,
  };
}

Deno.test("ResourceGate permits nothing from a check that fails to one that passes, and reports each change once", async () => {
  const { gate, clock, changes, checks, end, admissions } = gateOf();
  gate.start();
  for (const problem of [undefined, "down", "down still", undefined]) {
    assert.equal(checks.length, 0);
    clock.advance(2_000);
    await end(problem);
    assert.equal(gate.permits(), problem === undefined ? Infinity : 0);
  }
  assert.deepEqual(changes, ["down", undefined]);
  assert.equal(admissions(), 2);
  gate.stop();
  clock.advance(60_000);
  assert.equal(checks.length, 0);
});

Deno.test("ResourceGate runs no handler while its check fails", async () => {
  const { gate, clock, end, run } = gateOf();
  gate.start();
  clock.advance(2_000);
  await end("down");
  const thrown = /^ResourceUnavailableError: the check of resource db fails: down$/;
  assert.throws(() => run(() => assert.fail("the handler ran")), thrown);
  gate.stop();
});

for (
  const [how, handler] of [
    ["throws", () => {
      throw new Error("lost");
    }],
    ["rejects", () => Promise.reject(new Error("lost"))],
  ] as const
) {
  Deno.test(`ResourceGate checks at once when a handler ${how}, and says so if the resource is down`, async () => {
    const { gate, run, end, changes } = gateOf();
    const down = run(handler) as Promise<unknown>;
    await Promise.all([
      assert.rejects(down, (error: Error) => error.name === "ResourceUnavailableError" && error.cause instanceof Error),
      end("down"),
    ]);
    assert.deepEqual(changes, ["down"]);
    gate.stop();
  });

  Deno.test(`ResourceGate passes on the error of a handler that ${how} while the resource is up`, async () => {
    const { gate, run, end } = gateOf();
    await Promise.all([assert.rejects(run(handler) as Promise<unknown>, /^Error: lost$/), end()]);
    gate.stop();
  });
}

Deno.test("ResourceGate asks nothing about a handler that returns, or that rejects its event on purpose", async () => {
  const { gate, run, checks } = gateOf();
  assert.equal(run(() => 1), 1);
  assert.equal(await run(() => Promise.resolve(2)), 2);
  await assert.rejects(
    run(() => Promise.reject(new NonRetryableError("no"))) as Promise<unknown>,
    /^NonRetryableError/,
  );
  assert.equal(checks.length, 0);
  gate.stop();
});

Deno.test("ResourceGate checks once for many failures, and once more for those that came during a check", async () => {
  const { gate, run, checks, end, settled } = gateOf();
  const fail = () => assert.rejects(run(() => Promise.reject(new Error("lost"))) as Promise<unknown>, /^Error: lost$/);
  const first = fail();
  await settled();
  assert.equal(checks.length, 1);
  const later = Array.from({ length: 100 }, fail);
  await settled();
  assert.equal(checks.length, 1);
  await end();
  await first;
  assert.equal(checks.length, 1);
  await end();
  await Promise.all(later);
  assert.equal(checks.length, 0);
  gate.stop();
});
