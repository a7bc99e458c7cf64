import assert from "node:assert/strict";
import type { WorkerAddress } from "../../../runtime/app/supervisor/messages.ts";
import { Supervisor, WorkerNeverReady } from "../../../runtime/app/supervisor/supervisor.ts";
import type { WorkerEnd, WorkerProcess } from "../../../runtime/app/supervisor/worker_process.ts";
import { TestClock } from "../../../runtime/testing/test_clock.ts";

/** A process that the test drives. */
class FakeProcess implements WorkerProcess {
  readonly #ready = Promise.withResolvers<WorkerAddress>();
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly ready = this.#ready.promise;
  readonly ended = this.#ended.promise;
  readonly calls: string[] = [];

  constructor(readonly pid: number, readonly number: number, readonly url: string | undefined) {}

  metrics = () => Promise.resolve(undefined);
  stop = () => void this.calls.push("stop");
  kill = () => {
    this.calls.push("kill");
    this.end({ code: null, signal: "SIGKILL" });
  };
  beReady = () => this.#ready.resolve({ url: "http://127.0.0.1:8000", adminUrl: `http://127.0.0.1:900${this.pid}` });
  end = (end: WorkerEnd) => this.#ended.resolve(end);
}

const nextTick = () => new Promise((resolve) => setTimeout(resolve, 0));

function setup(count: number) {
  const clock = new TestClock();
  const spawned: FakeProcess[] = [], lines: [string, unknown][] = [], gone: number[] = [];
  let restarts = 0;
  const write = (message: string, fields?: Record<string, unknown>) => void lines.push([message, fields?.in_ms]);
  const supervisor = new Supervisor({
    count,
    graceMs: 1_000,
    spawn: (number, url) => {
      const process = new FakeProcess(spawned.length + 1, number, url);
      spawned.push(process);
      return process;
    },
    clock,
    log: { debug: write, info: write, warn: write, error: write },
    ended: ({ pid }) => void gone.push(pid),
    restarted: () => void restarts++,
  });
  /** Starts all workers, and makes each ready as soon as it is spawned. */
  const start = async () => {
    const started = supervisor.start();
    for (let at = 0; at < count; at++) {
      spawned[at].beReady();
      await nextTick();
    }
    return await started;
  };
  return { clock, supervisor, spawned, lines, gone, start, restarts: () => restarts };
}

Deno.test("Supervisor starts the first worker alone, and gives the others its address", async () => {
  const { supervisor, spawned } = setup(3);
  const started = supervisor.start();
  await nextTick();
  assert.deepEqual(spawned.map(({ number, url }) => [number, url]), [[1, undefined]]);
  spawned[0].beReady();
  await nextTick();
  const url = "http://127.0.0.1:8000";
  assert.deepEqual(spawned.map(({ number, url }) => [number, url]), [[1, undefined], [2, url], [3, url]]);
  spawned[1].beReady();
  spawned[2].beReady();
  assert.equal(await started, url);
});

Deno.test("Supervisor.start rejects when a worker ends before it was ready, and stops the others", async () => {
  const { supervisor, spawned, lines } = setup(2);
  const started = supervisor.start();
  spawned[0].beReady();
  await nextTick();
  spawned[1].end({ code: 1, signal: null });
  await nextTick();
  assert.deepEqual(spawned[0].calls, ["stop"]);
  spawned[0].end({ code: 0, signal: null });
  await assert.rejects(started, (error: Error) => {
    assert.ok(error instanceof WorkerNeverReady);
    return error.message === "worker 2 exited with code 1 before it was ready";
  });
  assert.equal(spawned.length, 2);
  assert.deepEqual(lines, []);
});

Deno.test("Supervisor.start replaces a worker that was ready and ends while others start", async () => {
  const { clock, spawned, supervisor } = setup(2);
  const started = supervisor.start();
  spawned[0].beReady();
  await nextTick();
  spawned[0].end({ code: null, signal: "SIGKILL" });
  await nextTick();
  clock.move(100);
  assert.deepEqual(spawned.map(({ number }) => number), [1, 2, 1]);
  spawned[2].end({ code: null, signal: "SIGKILL" });
  await nextTick();
  clock.move(200);
  assert.deepEqual(spawned.map(({ number }) => number), [1, 2, 1, 1]);
  spawned[1].beReady();
  await started;
});

Deno.test("Supervisor ignores the address of a worker that has ended", async () => {
  const { clock, supervisor, spawned, start } = setup(1);
  await start();
  spawned[0].end({ code: 1, signal: null });
  await nextTick();
  clock.move(100);
  spawned[1].end({ code: 1, signal: null });
  await nextTick();
  spawned[1].beReady();
  await nextTick();
  assert.deepEqual([supervisor.places[0].process, supervisor.places[0].address], [undefined, undefined]);
});

Deno.test("Supervisor.stop during the start lets no further worker start", async () => {
  const { supervisor, spawned } = setup(2);
  const refused = assert.rejects(supervisor.start(), /asked to end before every worker was up/);
  const stopped = supervisor.stop();
  spawned[0].beReady();
  await nextTick();
  spawned[0].end({ code: 0, signal: null });
  assert.equal(await stopped, true);
  await refused;
  assert.equal(spawned.length, 1);
});

Deno.test("Supervisor replaces a worker with backoff, which is reset once one has run for a minute", async () => {
  const { clock, spawned, lines, gone, start, restarts } = setup(2);
  await start();
  const endNewest = async (afterMs: number) => {
    clock.move(afterMs);
    spawned.at(-1)!.end({ code: null, signal: "SIGKILL" });
    await nextTick();
  };
  const message = "worker 2 was ended by SIGKILL: another is started in its place";
  await endNewest(10);
  clock.move(99);
  assert.equal(spawned.length, 2);
  clock.move(1);
  assert.deepEqual([spawned.length, spawned[2].number], [3, 2]);
  await endNewest(10);
  clock.move(200);
  await endNewest(60_000);
  assert.deepEqual(lines, [[message, 100], [message, 200], [message, 100]]);
  clock.move(100);
  assert.deepEqual(gone, [2, 3, 4]);
  assert.equal(restarts(), 3);
});

Deno.test("Supervisor.places has the running process, and how the last one ended", async () => {
  const { clock, supervisor, spawned, start } = setup(1);
  await start();
  assert.equal(supervisor.places[0].address?.adminUrl, "http://127.0.0.1:9001");
  assert.equal(supervisor.places[0].lastEnd, undefined);
  spawned[0].end({ code: 3, signal: null });
  await nextTick();
  const { process, address, lastEnd } = supervisor.places[0];
  assert.deepEqual([process, address, lastEnd], [undefined, undefined, "exited with code 3"]);
  clock.move(100);
  assert.equal(supervisor.places[0].process, spawned[1]);
  assert.equal(supervisor.places[0].address, undefined);
});

Deno.test("Supervisor.stop asks each worker to stop, and starts no other", async () => {
  const { clock, supervisor, spawned, start } = setup(3);
  await start();
  spawned[2].end({ code: 1, signal: null });
  await nextTick();
  const stopped = supervisor.stop();
  assert.deepEqual(spawned.map(({ calls }) => calls), [["stop"], ["stop"], []]);
  for (const process of spawned) process.end({ code: 0, signal: null });
  assert.equal(await stopped, true);
  assert.equal(clock.timers, 0);
  assert.equal(spawned.length, 3);
});

Deno.test("Supervisor.stop kills a worker that exceeds the grace, and returns false", async () => {
  const { clock, supervisor, spawned, start } = setup(2);
  await start();
  const stopped = supervisor.stop();
  spawned[0].end({ code: 0, signal: null });
  clock.move(999);
  assert.deepEqual(spawned[1].calls, ["stop"]);
  clock.move(1);
  assert.deepEqual(spawned[1].calls, ["stop", "kill"]);
  assert.equal(await stopped, false);
});
