import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import assert from "node:assert/strict";
import { type Context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { contextManager } from "../../../../runtime/telemetry/otel/spans/context_manager.ts";

const NAME = createContextKey("name");
const one = ROOT_CONTEXT.setValue(NAME, "one"), two = ROOT_CONTEXT.setValue(NAME, "two");
const nameOf = (context: Context) => context.getValue(NAME);

/** Waits in several ways, each of which may lose the active context. */
async function wait(): Promise<void> {
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  await Deno.stat(".");
  await (await fetch("data:,text")).text();
}

const managers = {
  "contextManager, by Deno's own functions": contextManager(),
  "contextManager, without Deno's own functions": new AsyncLocalStorageContextManager().enable(),
};

Deno.test("contextManager finds Deno's own functions, and does without them", () => {
  assert.notEqual(contextManager().constructor, AsyncLocalStorageContextManager, "Deno has moved them");
  const others = { nothing: {}, "values that no storage sees": { getAsyncContext: () => other, setAsyncContext } };
  let other: unknown;
  function setAsyncContext(values: unknown) {
    other = values;
  }
  const descriptor = Object.getOwnPropertyDescriptor(Deno, "internal")!, internal = Symbol("internal");
  for (const [what, core] of Object.entries(others)) {
    Object.defineProperty(Deno, "internal", { value: internal, configurable: true });
    Object.defineProperty(Deno, internal, { value: { core }, configurable: true });
    try {
      assert.equal(contextManager().constructor, AsyncLocalStorageContextManager, what);
    } finally {
      Object.defineProperty(Deno, "internal", descriptor);
    }
  }
});

for (const [what, manager] of Object.entries(managers)) {
  Deno.test(`${what}, keeps the context across awaits, beside others that run at the same time`, async () => {
    assert.equal(manager.active(), ROOT_CONTEXT);
    const seen = await Promise.all([one, two].map((context) =>
      manager.with(context, async () => {
        const names = [nameOf(manager.active())];
        await wait();
        names.push(nameOf(manager.active()));
        await manager.with(two, wait);
        return [...names, nameOf(manager.active())];
      })
    ));
    assert.deepEqual(seen, [["one", "one", "one"], ["two", "two", "two"]]);
    assert.equal(manager.active(), ROOT_CONTEXT);
  });

  Deno.test(`${what}, restores the context after a throw, and passes on arguments, \`this\` and the result`, () => {
    assert.throws(() => manager.with(one, () => assert.fail("thrown")), /thrown/);
    assert.equal(manager.active(), ROOT_CONTEXT);
    const add = function (this: { base: number }, a: number, b: number) {
      return this.base + a + b;
    };
    assert.equal(manager.with(one, add as (a: number, b: number) => number, { base: 1 }, 2, 3), 6);
    assert.equal(manager.with(one, () => manager.with(two, () => nameOf(manager.active()))), "two");
  });

  Deno.test(`${what}, and AsyncLocalStorage keep each other's values`, async () => {
    const storage = new AsyncLocalStorage<string>(), other = new AsyncLocalStorage<string>();
    const values = () => [storage.getStore(), other.getStore(), nameOf(manager.active())];
    await storage.run("a", async () => {
      await manager.with(one, async () => {
        assert.deepEqual(values(), ["a", undefined, "one"]);
        await other.run("b", async () => {
          await wait();
          assert.deepEqual(values(), ["a", "b", "one"]);
          manager.with(two, () => assert.deepEqual(values(), ["a", "b", "two"]));
        });
        await wait();
        assert.deepEqual(values(), ["a", undefined, "one"]);
      });
      assert.deepEqual(values(), ["a", undefined, undefined]);
    });
    manager.with(one, () => storage.run("a", () => assert.deepEqual(values(), ["a", undefined, "one"])));
  });

  Deno.test(`${what}, binds functions and emitters`, () => {
    assert.equal(manager.bind(one, () => nameOf(manager.active()))(), "one");
    const emitter = manager.bind(two, new EventEmitter()), seen: unknown[] = [];
    emitter.on("event", () => seen.push(nameOf(manager.active())));
    manager.with(one, () => emitter.emit("event"));
    assert.deepEqual(seen, ["two"]);
  });
}
