import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { OrderCreated } from "../support/project/schemas/orders.ts";
import { eventually } from "../support/eventually.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const ORDER = { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2_400 };

Deno.test("events tail shows events as they are published, and their outcomes in every process", async (t) => {
  await using project = await copyProject();
  await using server = await startServer();
  let fails = true;
  const breaker = { consecutiveFailures: 10_000 };
  const reserveInventory = defineFunction({ on: OrderCreated, retry: { initial: "1ms", attempts: 2 }, breaker }, () => {
    if (fails) throw new Error("the secret is hunter2hunter2");
  });
  const confirmOrder = defineFunction({ on: OrderCreated, breaker }, () => {
    throw new NonRetryableError("not this one");
  });
  await using one = await startTestRuntime({ functions: { reserveInventory }, server });
  await using _two = await startTestRuntime({ functions: { confirmOrder }, server });
  const tailing = (...args: string[]) =>
    startWeir(project.path, ["events", "tail", ...args], { NATS_URL: server.url, NO_COLOR: "1" });
  /** Publishes until the program exits: no earlier event is certain to come after its subscription. */
  const publishUntilExit = async ({ status }: { status: Promise<unknown> }) => {
    let exited = false;
    status.then(() => exited = true);
    await eventually(async () => {
      await one.publish(OrderCreated, ORDER, { id: `order-${crypto.randomUUID()}` });
      return exited;
    }, { every: 100 });
  };

  await t.step("--json prints a line each, and --limit ends after that many", async () => {
    await using program = tailing("--json", "--limit", "40");
    await publishUntilExit(program);
    assert.equal((await program.status).code, 0);
    const lines = program.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    assert.equal(lines.length, 40);
    const published = lines.find(({ kind, id }) =>
      kind === "published" && lines.some((other) => other.kind === "settled" && other.id === id)
    );
    assert.deepEqual(published.data, ORDER);
    assert.equal(published.type, "orders.created");
    const settled = lines.filter(({ kind }) => kind === "settled");
    const retried = settled.find(({ outcome }) => outcome === "retry"),
      rejected = settled.find((one) => one.reason === "rejected");
    assert.deepEqual([retried.function, retried.reason, retried.attempt], ["reserveInventory", "failed", 1]);
    assert.deepEqual([rejected.function, rejected.outcome], ["confirmOrder", "dead-letter"]);
    assert.equal(rejected.error, "NonRetryableError: not this one");
    assert.match(retried.traceId, /^[0-9a-f]{32}$/);
    assert.notEqual(retried.process, rejected.process);
  });

  await t.step("--function prints only its outcomes; SIGINT ends the command with 0", async () => {
    fails = false;
    await using program = tailing("--function", "reserveInventory");
    const publishing = publishUntilExit(program);
    await eventually(() => program.lines.some((line) => / {2}ack {2}/.test(line)));
    program.kill("SIGINT");
    assert.equal((await program.status).code, 0);
    await publishing;
    assert.ok(program.lines.every((line) => / {2}reserveInventory {2}/.test(line)), program.lines.join("\n"));
  });

  await t.step("the command ends with 0 when the reader closes the pipe", async () => {
    const command = `"${Deno.execPath()}" run --quiet -A weir/cli events tail | head -n 2; echo "\${PIPESTATUS[0]}"`;
    const child = new Deno.Command("bash", {
      args: ["-c", command],
      cwd: project.path,
      env: { NATS_URL: server.url, NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    await publishUntilExit({ status: output });
    const { stdout, stderr } = await output;
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.equal(lines.length, 3);
    assert.equal(lines[2], "0");
    assert.equal(new TextDecoder().decode(stderr), "");
  });

  await t.step("an unknown function or type is refused with the name that was probably meant", async () => {
    for (
      const [args, message] of [
        [
          ["--function", "reservInventory"],
          'there is no function "reservInventory": did you mean "reserveInventory"?',
        ],
        [["--type", "order.created"], 'no event has the type "order.created": did you mean "orders.created"?'],
      ] as const
    ) {
      await using program = tailing(...args);
      assert.equal((await program.status).code, 1);
      assert.deepEqual(program.lines, [`weir: ${message}`]);
    }
  });
});

Deno.test("events tail shows outcomes of a runtime that starts later, and events whose stream did not exist before", async () => {
  await using project = await copyProject();
  await using server = await startServer();
  const confirmOrder = defineFunction({ on: OrderCreated }, () => {});
  await using one = await startTestRuntime({ functions: { confirmOrder }, server });
  await using program = startWeir(project.path, ["events", "tail"], { NATS_URL: server.url, NO_COLOR: "1" });
  const Later = defineEvent({ type: "later.happened", version: 1, data: z.object({ n: z.int() }) });
  let seen = 0;
  await eventually(async () => { // until the subscription is open
    await one.publish(OrderCreated, ORDER);
    return seen = program.lines.length;
  });
  const afterwards = defineFunction({ on: Later }, () => {});
  await using two = await startTestRuntime({ functions: { afterwards }, server });
  let published = 0;
  await eventually(async () => { // until the subscription to the subjects of the new process is open
    await two.publish(Later, { n: 1 }, { id: `later-${++published}` });
    return program.lines.some((line) => / published +later\.happened +later-\d+ /.test(line));
  });
  await eventually(() =>
    program.lines.slice(seen).some((line) => / afterwards +later\.happened +later-\d+ +ack/.test(line))
  );
  program.kill("SIGINT");
  assert.equal((await program.status).code, 0);
  assert.deepEqual(program.lines.filter((line) => /process/.test(line)), []);
});

Deno.test("events tail says that it shows only events if no runtime answers", async () => {
  await using project = await copyProject();
  await using server = await startServer();
  await using program = startWeir(project.path, ["events", "tail"], { NATS_URL: server.url });
  await eventually(() =>
    program.lines.some((line) => line.startsWith("no runtime answers: outcomes are not shown, only events"))
  );
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0);
});
