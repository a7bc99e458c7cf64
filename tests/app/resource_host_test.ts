import assert from "node:assert/strict";
import { defineFunction, defineResource, type ResourceDefinition } from "weir";
import { ResourceHost } from "../../runtime/app/resource_host.ts";
import type { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { manualClock } from "../support/clocks.ts";

/** The host of resources that one function needs. */
function hostOf(resources: readonly ResourceDefinition[], options: Partial<ResourceHost["options"]> = {}) {
  const lines: string[] = [], clock = manualClock();
  const log = new Logger({ level: "debug", format: "json", write: (line: string) => void lines.push(line) });
  const registry = registryOf({ work: defineFunction({ on: "demo.asked", needs: resources }, () => {}) });
  const host = new ResourceHost({ registry, functions: registry.functions, clock, log, ...options });
  return { host, clock, lines };
}

/** A resource that notes what happens to it. */
function noted<Value>(name: string, open: (signal: AbortSignal) => Value | Promise<Value>, notes: string[]) {
  return defineResource({
    name,
    open,
    close: (value) => void notes.push(`${name} closed: ${value}`),
  }) as ResourceDefinition;
}

/** Resolves once the steps that need no time are done. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

const NOT_OPEN = /^Error: resource "db" is not open: /;

Deno.test("ResourceHost opens all resources at once, gives their values, and closes them", async () => {
  const notes: string[] = [], both = Promise.withResolvers<void>();
  const db = noted("db", () => both.promise.then(() => "pool"), notes);
  const hook = noted("hook", () => both.resolve(), notes);
  const { host, lines } = hostOf([db, hook]);
  assert.throws(() => db.get(), NOT_OPEN);
  await host.start();
  assert.deepEqual([db.get(), hook.get()], ["pool", undefined]);
  await host.stop();
  assert.deepEqual(notes, ["db closed: pool", "hook closed: undefined"]);
  assert.throws(() => db.get(), NOT_OPEN);
  assert.equal(lines.filter((line) => line.includes('"resource closed"')).length, 2);
});

Deno.test("ResourceHost names every resource that cannot be opened, and closes the others", async () => {
  const notes: string[] = [];
  const { host, clock } = hostOf([
    noted("db", () => "pool", notes),
    noted("queue", () => Promise.reject(new TypeError("no queue")), notes),
    noted("cache", () => {
      throw "nothing"; // an author may throw anything
    }, notes),
    noted("slow", () => new Promise(() => {}), notes),
  ]);
  const started = assert.rejects(host.start(), (error: StartupProblems) => {
    assert.deepEqual(error.problems, [
      "functions/work.ts: resource queue could not be opened: no queue",
      "functions/work.ts: resource cache could not be opened: nothing",
      "functions/work.ts: resource slow could not be opened: it took longer than 10s",
    ]);
    return error.transient;
  });
  await tick();
  clock.advance(10_000);
  await started;
  await host.stop();
  assert.deepEqual(notes, ["db closed: pool"]);
});

Deno.test("ResourceHost closes a value that comes after the timeout, and aborts the signal at it", async () => {
  const notes: string[] = [], closed = Promise.withResolvers<void>();
  let signal: AbortSignal | undefined, open = (_value: string) => {};
  const db = defineResource({
    name: "db",
    open: (given) => {
      signal = given;
      return new Promise<string>((resolve) => open = resolve);
    },
    close: (value) => {
      notes.push(value);
      closed.resolve();
    },
    timeout: "1s",
  });
  const { host, clock } = hostOf([db as ResourceDefinition]);
  const started = assert.rejects(host.start(), /it took longer than 1s/);
  clock.advance(1_000);
  await started;
  assert.ok(signal?.aborted);
  open("late");
  await closed.promise;
  await host.stop();
  assert.deepEqual(notes, ["late"]);
});

Deno.test("ResourceHost gives up opening when the process stops", async () => {
  const stop = new AbortController();
  const { host } = hostOf([noted("db", () => new Promise(() => {}), [])], { signal: stop.signal });
  const started = assert.rejects(host.start(), /resource db could not be opened: the process stops/);
  stop.abort();
  await started;
  await host.stop();
});

Deno.test("ResourceHost logs a resource that cannot be closed, and waits three seconds at the most", async () => {
  const failing = defineResource({ name: "db", open: () => 1, close: () => Promise.reject(new Error("busy")) });
  const hanging = defineResource({ name: "queue", open: () => 1, close: () => new Promise(() => {}) });
  const { host, clock, lines } = hostOf([failing as ResourceDefinition, hanging as ResourceDefinition]);
  await host.start();
  const stopped = host.stop();
  await tick();
  clock.advance(3_000);
  await stopped;
  const warned = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
  assert.deepEqual(warned.map(({ resource, error }) => [resource, error.message]).sort(), [
    ["db", "busy"],
    ["queue", "it took longer than 3s"],
  ]);
});

Deno.test("ResourceHost opens nothing for functions that do not run, and nothing that a test replaces", async () => {
  const fails = defineResource({ name: "db", open: () => assert.fail("opened"), close: () => assert.fail("closed") });
  const idle = hostOf([fails as ResourceDefinition], { functions: [] });
  await idle.host.start();
  await idle.host.stop();
  const faked = hostOf([fails as ResourceDefinition], { fakes: new Map([[fails as ResourceDefinition, "fake"]]) });
  await faked.host.start();
  assert.equal(fails.get(), "fake");
  assert.deepEqual(faked.host.checks, []);
  await faked.host.stop();
});

for (
  const [what, check, problem] of [
    ["passes if it returns", () => 0, undefined],
    ["fails if it throws", () => Promise.reject(new Error("down")), "down"],
    ["fails if it returns false", () => false, "its check returned false"],
  ] as const
) {
  Deno.test(`ResourceHost has a check that ${what}`, async () => {
    const { host } = hostOf([defineResource({ name: "db", open: () => 1, check }) as ResourceDefinition]);
    await host.start();
    const [{ name, functions, check: run }] = host.checks;
    assert.deepEqual([name, functions], ["db", ["work"]]);
    const failed = await Promise.resolve(run(new AbortController().signal)).then(
      () => undefined,
      (error) => error.message,
    );
    assert.equal(failed, problem);
    await host.stop();
  });
}
