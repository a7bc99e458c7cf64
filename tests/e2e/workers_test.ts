import assert from "node:assert/strict";
import { isAlive, waitUntilGone } from "../support/processes.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { listens } from "../support/ports.ts";
import { setupWorkers, type Supervised } from "./workers.ts";

const EVENTS = 1_500;
const ALL = Array.from({ length: EVENTS }, (_, n) => n);
const acks = (page: string) => valueOf(page, "weir_function_outcomes_total", { outcome: "ack", reason: "" });
const numbers = (supervised: Supervised) => [...supervised.handled().values()].flat().toSorted((a, b) => a - b);
const json = async (url: string) => await (await fetch(url)).json();

Deno.test("WEIR_WORKERS=2 runs two workers that look like one process", async (t) => {
  await using setup = await setupWorkers();
  const weir = await setup.start(2);

  await t.step(
    "WEIR_WORKERS=2 shares the events between two workers, and the admin listener reports them as one process",
    async () => {
      const health = { status: "OK", checks: { workers: { status: "OK" } } };
      assert.deepEqual(await json(`${weir.admin}/health/ready`), health);
      const alive = { event_loop: { status: "OK" }, "worker 1": { status: "OK" }, "worker 2": { status: "OK" } };
      assert.deepEqual(await json(`${weir.admin}/health/live`), { status: "OK", checks: alive });

      await setup.publish(0, EVENTS, 4);
      await setup.settled();
      const page = await eventually(async () => {
        const page = await weir.page();
        return acks(page) === EVENTS ? page : undefined;
      });
      assert.deepEqual(numbers(weir), ALL);
      const shares = [1, 2].map((worker) => weir.handled().get(worker)?.length ?? 0);
      assert.ok(Math.min(...shares) > EVENTS / 10, `they handled ${shares}`);
      assert.equal(valueOf(page, "weir_function_duration_seconds_count", { outcome: "ack" }), EVENTS);
      assert.equal(valueOf(page, "weir_function_concurrency", { function: "count" }), 16);
      assert.equal(valueOf(page, "weir_function_pending", { function: "count" }), 0);
      assert.equal(valueOf(page, "weir_nats_connected"), 1);
      assert.equal(valueOf(page, "weir_worker_restarts_total"), 0);
      const [status, ...others] = await json(`${weir.admin}/functions`);
      assert.deepEqual([status.name, status.concurrency, status.pending, others], ["count", 16, 0, []]);
      const { headers, body } = await fetch(`${weir.admin}/functions`);
      assert.match(headers.get("weir-nats")!, /^nats:\/\/127\.0\.0\.1:\d+$/);
      await body?.cancel();
      assert.deepEqual(await json(`${weir.admin}/dead-letters`), []);
      assert.deepEqual(await json(`${weir.admin}/retries?function=count`), []);
      assert.ok((await json(`${weir.admin}/asyncapi.json`)).operations["count.receives.work.asked"]);
      assert.deepEqual((await json(`${weir.admin}/openapi.json`)).paths, {});
      assert.equal((await json(`${weir.admin}/schemas/no.such`)).status, 404);
      const missing = await fetch(`${weir.admin}/dead-letters/7/redrive`, { method: "POST" });
      assert.equal(missing.status, 404);
      assert.equal((await missing.json()).detail, "there is no dead letter 7");
      const asked = { http_route: "/dead-letters/{sequence}/redrive", http_response_status_code: "404" };
      assert.equal(valueOf(await weir.page(), "http_server_request_duration_seconds_count", asked), 1);
    },
  );

  await t.step("WEIR_WORKERS=2 shares the connections of the public listener between the workers", async () => {
    const own = await Promise.all([1, 2].map(async (worker) => {
      const line = await weir.program.waitForLog((line) => line.message === "worker ready" && line.worker === worker);
      assert.equal(line.url, weir.url);
      return String(line.admin);
    }));
    const answered = async (admin: string) => {
      const page = await (await fetch(`${admin}/metrics`)).text();
      return valueOf(page, "http_server_request_duration_seconds_count", { http_route: "/events/{type}" }) ?? 0;
    };
    for (let i = 0; i < 64; i++) {
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      const response = await fetch(`${weir.url}/events/no.such`, { method: "POST", client, body: "{}" });
      await response.body?.cancel();
      assert.equal(response.status, 404);
    }
    const shares = await Promise.all(own.map(answered));
    assert.equal(shares[0] + shares[1], 64);
    assert.ok(Math.min(...shares) > 0, `they answered ${shares}`);
  });

  await t.step("admin listener reports a worker that hangs, and answers without it", async () => {
    const [first] = weir.pids();
    Deno.kill(first, "SIGSTOP");
    const [live, ready, functions] = await Promise.all(["health/live", "health/ready", "functions"].map((path) => {
      return json(`${weir.admin}/${path}`);
    }));
    assert.deepEqual([live.status, live.checks["worker 1"], live.checks["worker 2"]], [
      "Unhealthy",
      { status: "Unhealthy", error: "no answer" },
      { status: "OK" },
    ]);
    assert.deepEqual([ready.status, ready.degraded], ["OK", { "worker 1: process": "no answer" }]);
    assert.equal(functions[0].concurrency, 8);
    assert.deepEqual(await json(`${weir.admin}/dead-letters`), []);
    Deno.kill(first, "SIGCONT");
    await eventually(async () => (await json(`${weir.admin}/health/live`)).status === "OK");
  });
});

Deno.test("Supervisor replaces a killed worker: no event is lost, and no counter decreases", async () => {
  await using setup = await setupWorkers();
  const weir = await setup.start(2);
  const [, second] = weir.pids();
  await setup.publish(0, EVENTS, 8);
  await eventually(async () => acks(await weir.page())! > EVENTS / 10);
  let last = 0;
  const look = async () => {
    const count = acks(await weir.page()) ?? 0;
    assert.ok(count >= last, `${count} after ${last}`);
    last = count;
  };
  Deno.kill(second, "SIGKILL");
  const { pid: _, ...ended } = await weir.program.waitForLog(({ level }) => level === "error");
  assert.equal(ended.message, "worker 2 was ended by SIGKILL: it will be restarted");
  assert.deepEqual([ended.worker, ended.in_ms], [2, 100]);
  await eventually(async () => {
    await look();
    return weir.pids().length === 3;
  });
  await setup.settled();
  await look();
  // Deliveries that the killed worker held are redelivered, and may have been handled before.
  assert.deepEqual([...new Set(numbers(weir))], ALL);
  assert.ok(numbers(weir).length <= EVENTS + 8, `${numbers(weir).length} were handled`);
  await eventually(async () => valueOf(await weir.page(), "weir_worker_restarts_total") === 1);
  const { status, checks } = await json(`${weir.admin}/health/ready`);
  assert.deepEqual([status, checks], ["OK", { workers: { status: "OK" } }]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends all workers with exit code 0, and leaves pending events in the stream`, async () => {
    await using setup = await setupWorkers();
    const weir = await setup.start(2);
    const pids = weir.pids();
    await setup.publish(0, EVENTS, 4);
    await eventually(() => numbers(weir).length > EVENTS / 10);
    // As from a terminal: each process of the group gets the signal, and the supervisor asks its workers to stop as
    // well.
    if (signal !== "SIGTERM") { for (const pid of pids) Deno.kill(pid, signal); }
    weir.program.kill(signal);
    assert.equal((await weir.program.status).code, 0, weir.program.lines.slice(-9).join("\n"));
    for (const pid of pids) assert.equal(await isAlive(pid), false);
    for (const url of [weir.url, weir.admin]) assert.equal(await listens(new URL(url).port), false);
    const before = numbers(weir);
    assert.ok(before.length < EVENTS, "no event was left");

    const after = await setup.start(1);
    await setup.settled();
    await eventually(() => before.length + numbers(after).length >= EVENTS);
    assert.deepEqual([...before, ...numbers(after)].toSorted((a, b) => a - b), ALL);
  });
}

Deno.test("SIGHUP has every worker read credentials again, without an end", async () => {
  await using setup = await setupWorkers();
  const file = `${setup.project}/keys`;
  await Deno.writeTextFile(file, "shop:first-key");
  const { program } = await setup.start(2, { WEIR_API_KEYS_FILE: file });
  await Deno.writeTextFile(file, "shop:second-key");
  program.kill("SIGHUP");
  for (const number of [1, 2]) {
    await program.waitForLog(({ message, worker }) => message === "API keys replaced" && worker === number);
  }
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0);
});

Deno.test("Supervisor restarts workers that cannot start until they can, and is not ready meanwhile", async () => {
  await using setup = await setupWorkers();
  const weir = await setup.start(2);
  const file = `${setup.project}/functions/count.ts`, good = await Deno.readTextFile(file);
  await setup.publish(0, 20);
  await eventually(async () => acks(await weir.page()) === 20);
  await Deno.writeTextFile(file, "export const nothing = 1;");
  for (const pid of weir.pids()) Deno.kill(pid, "SIGKILL");
  await weir.program.waitForLog(({ in_ms }) => in_ms === 400);
  const ready = await fetch(`${weir.admin}/health/ready`);
  assert.equal(ready.status, 503);
  const { checks } = await ready.json();
  assert.match(checks.workers.error, /^worker 1: process: .*; worker 2: process: (exited with code 1|was ended by)/);
  const live = await fetch(`${weir.admin}/health/live`);
  assert.equal(live.status, 200, await live.text());
  const functions = await fetch(`${weir.admin}/functions`);
  assert.deepEqual([functions.status, (await functions.json()).detail], [
    503,
    "no worker answers: GET /health says why",
  ]);
  const page = await weir.page();
  assert.equal(valueOf(page, "weir_nats_connected"), 0);
  assert.equal(acks(page), 20);

  await Deno.writeTextFile(file, good);
  await eventually(async () => (await json(`${weir.admin}/health/ready`)).degraded === undefined);
  await setup.publish(20, 40);
  await eventually(async () => acks(await weir.page()) === 40);
});

Deno.test("workers stop when their supervisor is killed, and give their deliveries back", async () => {
  await using setup = await setupWorkers();
  const weir = await setup.start(2);
  const pids = weir.pids();
  await setup.publish(0, EVENTS, 4);
  await eventually(() => numbers(weir).length > EVENTS / 10);
  weir.program.kill("SIGKILL");
  for (const pid of pids) await waitUntilGone(pid);
  await weir.program.status; // its output ends when the last worker ends
  const before = numbers(weir);
  assert.ok(before.length < EVENTS, "no event was left");
  const alone = await setup.start(1);
  await setup.settled();
  await eventually(() => before.length + numbers(alone).length >= EVENTS);
  assert.deepEqual([...before, ...numbers(alone)].toSorted((a, b) => a - b), ALL);
});

Deno.test("Supervisor that is killed while its workers start leaves none behind", async () => {
  await using setup = await setupWorkers();
  await Deno.writeTextFile(
    `${setup.project}/functions/slow.ts`,
    `console.log(JSON.stringify({ message: "loading", pid: Deno.pid }));
     await new Promise((resolve) => setTimeout(resolve, 500));
     export { default } from "./count.ts";`,
  );
  const program = setup.run(2);
  const { pid } = await program.waitForLog(({ message }) => message === "loading");
  program.kill("SIGKILL");
  await waitUntilGone(Number(pid));
  await program.status;
});
