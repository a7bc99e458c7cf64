import assert from "node:assert/strict";
import fc from "fast-check";
import { type Service, startAll, startService } from "../../runtime/app/service.ts";

/** A service that logs its calls, and may throw. */
interface FakeService {
  readonly startThrows: boolean;
  readonly stopThrows: boolean;
  readonly isAsync: boolean;
}

const services = fc.array(
  fc.record({ startThrows: fc.boolean(), stopThrows: fc.boolean(), isAsync: fc.boolean() }),
  { maxLength: 6 },
);

/** Starts the services, and stops them twice if all have started. Returns the calls and what the caller received. */
async function run(services: readonly FakeService[]) {
  const calls: string[] = [], thrown: unknown[] = [], stopErrors: unknown[] = [];
  const call = (name: string, throws: boolean, isAsync: boolean) => {
    calls.push(name);
    if (isAsync) return throws ? Promise.reject(new Error(name)) : Promise.resolve();
    if (throws) throw new Error(name);
  };
  const start = async (stack: AsyncDisposableStack) => {
    for (const [at, { startThrows, stopThrows, isAsync }] of services.entries()) {
      const service: Service = {
        start: () => call(`start ${at}`, startThrows, isAsync),
        stop: () => call(`stop ${at}`, stopThrows, isAsync),
      };
      assert.equal(await startService(stack, service), service);
    }
    return stack;
  };
  try {
    const stack = await startAll(start, (error) => void stopErrors.push(error));
    await stack.disposeAsync().catch((error) => void stopErrors.push(error));
    await stack.disposeAsync();
  } catch (error) {
    thrown.push(error);
  }
  return { calls, thrown: thrown.map((error) => (error as Error).message), stopErrors: stopErrors.length };
}

Deno.test("startAll stops services in reverse, each once, also when a start or a stop throws", async () => {
  await fc.assert(fc.asyncProperty(services, async (services) => {
    const failed = services.findIndex(({ startThrows }) => startThrows);
    const begun = services.slice(0, failed < 0 ? services.length : failed + 1), order = [...begun.keys()];
    assert.deepEqual(await run(services), {
      calls: [...order.map((at) => `start ${at}`), ...order.toReversed().map((at) => `stop ${at}`)],
      thrown: failed < 0 ? [] : [`start ${failed}`],
      stopErrors: begun.some(({ stopThrows }) => stopThrows) ? 1 : 0,
    });
  }));
});
