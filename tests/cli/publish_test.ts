import { DiscardPolicy } from "@nats-io/jetstream";
import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import { connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import reserveInventory from "../support/project/functions/reserveInventory.ts";
import { OrderCreated } from "../support/project/schemas/orders.ts";
import { runLines } from "../support/command_lines.ts";
import { copyProject } from "../support/project.ts";
import { startWeir, WEIR_OPTIONS } from "../support/weir_process.ts";
import { eventually } from "../support/eventually.ts";

/** Prepares `weir publish` in a copy of the project, beside a runtime with one function. */
async function setup() {
  const project = await copyProject();
  const runtime = await startTestRuntime({ functions: { reserveInventory } });
  const cluster = await connectCluster(readConfig({
    get: (name) => name === "NATS_URL" ? runtime.server.url : undefined,
    readFile: Deno.readTextFileSync,
  }));
  const env = { NATS_URL: runtime.server.url, NO_COLOR: "1" };
  return {
    project,
    runtime,
    start: (...args: string[]) => startWeir(project.path, ["publish", ...args], env),
    publish: async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", "publish", ...args],
        cwd: project.path,
        env,
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
      return { code, out: text(stdout), err: text(stderr) };
    },
    pipe: async (input: string, ...args: string[]) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", "publish", ...args],
        cwd: project.path,
        env,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const [{ code, stdout, stderr }] = await Promise.all([
        child.output(),
        new Blob([input]).stream().pipeTo(child.stdin),
      ]);
      return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    },
    streams: cluster.jsm.streams,
    stored: async () => (await cluster.jsm.streams.info("ORDERS")).state.messages,
    [Symbol.asyncDispose]: async () => {
      await cluster.close();
      await runtime.stop();
      await project[Symbol.asyncDispose]();
    },
  };
}

const order = (orderId: string) => JSON.stringify({ orderId, items: [{ sku: "book", quantity: 1 }], total: 1_200 });

Deno.test("publish stores given data, and samples of the schema", async (t) => {
  await using weir = await setup();
  const { publish, pipe, stored } = weir;

  await t.step("a sample is stored as an event of its type and handled by a function", async () => {
    const { code, out } = await publish("orders.created", "--sample", "1");
    assert.equal(code, 0);
    assert.match(out, /^stored orders\.created \S+ in ORDERS at 1$/);
    const { data } = await weir.runtime.waitForEvent(OrderCreated);
    assert.match(data.orderId, /^orderId-[a-z0-9]{6}$/);
    await eventually(async () => (await weir.runtime.kv("orders").get(data.orderId))?.value);
  });

  await t.step("samples differ, and repeat with the same seed", async () => {
    const dry = async (...args: string[]) => (await publish("orders.created", "--dry-run", ...args)).out.split("\n");
    const first = await dry("--sample", "5");
    assert.equal(new Set(first).size, 5);
    assert.deepEqual(await dry("--sample", "5", "--seed", "1"), first);
    assert.notDeepEqual(await dry("--sample", "5", "--seed", "100"), first);
    assert.equal(await stored(), 1);
    const { out } = await publish("orders.created", "--sample", "600");
    assert.equal(out, "stored 600 events of type orders.created");
    assert.equal(await stored(), 601);
  });

  await t.step("samples that a dry run prints can be published", async () => {
    const before = await stored();
    const { out, err, code } = await publish("orders.created", "--sample", "3", "--dry-run");
    assert.deepEqual([code, err], [0, "dry run: nothing was published"]);
    assert.equal(await stored(), before);
    const { text } = await pipe(out + "\n", "orders.created", "-");
    assert.equal(text, "stored 3 events of type orders.created\n");
    assert.equal(await stored(), before + 3);
  });

  await t.step("a dry run of given data checks it", async () => {
    const before = await stored();
    const { out, code } = await publish("orders.created", order("a"), "--dry-run");
    assert.deepEqual([code, out], [0, "1 event matches orders.created"]);
    assert.equal((await publish("orders.created", "{}", "--dry-run")).code, 1);
    assert.equal(await stored(), before);
  });

  await t.step(
    "a mistake on the last line publishes nothing; the error gives its line, counting blank lines",
    async () => {
      const before = await stored();
      const good = Array.from({ length: 2_000 }, (_, i) => order(`o${i}`)).join("\n");
      const wrong = await pipe(`${good}\n\n{"orderId":"x","items":[],"total":1}\n`, "orders.created", "-");
      assert.equal(wrong.code, 1);
      assert.match(wrong.text, /^weir: standard input, line 2002, does not match orders\.created: items: Too small/);
      const broken = await pipe(`${good}\n{"orderId":\n`, "orders.created", "-");
      assert.match(
        broken.text,
        /^weir: standard input, line 2001, column 12, is not JSON: it ends too soon\n {2}\{"orderId":\n {13}\^$/m,
      );
      for (const { text } of [wrong, broken]) assert.match(text, /\nnothing was published\n?$/);
      assert.match((await pipe("\n\n", "orders.created", "-")).text, /^weir: standard input is empty: give one event/);
      assert.equal(await stored(), before);
    },
  );

  await t.step("a duplicate is reported", async () => {
    await publish("orders.created", order("twice"), "--id", "twice");
    const { out } = await publish("orders.created", order("twice"), "--id", "twice");
    assert.match(out, /^duplicate, not stored again: orders\.created twice is in ORDERS at \d+$/);
  });

  await t.step("an error on the way is reported with how many events were stored", async () => {
    const before = await stored();
    const { config } = await weir.streams.info("ORDERS");
    await weir.streams.update("ORDERS", { ...config, max_msgs: before + 300, discard: DiscardPolicy.New });
    const { code, err } = await publish("orders.created", "--sample", "1000", "--seed", "5000");
    assert.equal(code, 1);
    assert.match(err, /^weir: .*maximum messages exceeded.*; 300 of 1000 events of type orders\.created were stored$/m);
    assert.equal(await stored(), before + 300);
    await weir.streams.update("ORDERS", { ...config, discard: DiscardPolicy.Old });
  });

  await t.step("Ctrl-C stops publishing and prints how many events were stored", async () => {
    const before = await stored();
    const file = `${weir.project.path}/many.ndjson`;
    await Deno.writeTextFile(file, Array.from({ length: 300_000 }, (_, i) => order(`m${i}`)).join("\n"));
    await using program = weir.start("orders.created", `@${file}`);
    await eventually(async () => await stored() > before);
    program.kill("SIGINT");
    assert.equal((await program.status).code, 1);
    const [, told] = /^weir: interrupted: (\d+) of 300000 events of type orders\.created were stored$/m
      .exec(program.lines.join("\n")) ?? [];
    assert.equal(Number(told), await stored() - before);
  });
});

Deno.test("publish fails without NATS, and with --dry-run does not connect", async () => {
  await using project = await copyProject();
  const env = { NATS_URL: "nats://127.0.0.1:1" };
  const run = async (...args: string[]) => {
    await using program = startWeir(project.path, ["publish", "orders.created", "--sample", "1", ...args], env);
    return (await program.status).code;
  };
  assert.deepEqual(await Promise.all([run(), run("--dry-run")]), [1, 0]);
});

const mistakes: [what: string, args: string[], code: number, message: RegExp][] = [
  ["neither data nor --sample", ["orders.created"], 64, /publish what\? Give the data as JSON, @FILE or -, or say --s/],
  [
    "data and --sample",
    ["orders.created", "{}", "--sample", "1"],
    64,
    /publish what\? Give data or --sample, not both/,
  ],
  ["--seed without --sample", ["orders.created", "{}", "--seed", "1"], 64, /--seed needs --sample/],
  ["no type at all", [], 64, /missing required argument 'type'/],
  ["no samples", ["orders.created", "--sample", "0"], 64, /'--sample <count>' argument '0' is invalid/],
  ["one id for many", ["orders.created", "--sample", "2", "--id", "a"], 1, /--id is for one event, and there are more/],
  [
    "a misspelled type",
    ["orders.creatd", "{}"],
    1,
    /no event has the type "orders\.creatd": did you mean "orders\.cre/,
  ],
  ["an unknown type", ["x.y", "{}"], 1, /no event has the type "x\.y": there are: "orders\.confirmed", /],
  ["a missing file", ["orders.created", "@nowhere.json"], 1, /cannot read nowhere\.json: No such file/],
  [
    "data that is not JSON",
    ["orders.created", '{"a" 1}'],
    1,
    /^weir: the data, column 6, is not JSON: Colon expected$/m,
  ],
];
Deno.test("publish reports each mistake with a fix before it connects to NATS", async (t) => {
  await using project = await copyProject();
  const lines = mistakes.map(([, args]) => ["publish", ...args]);
  const ended = await runLines(project.path, lines, { NATS_URL: "nats://127.0.0.1:1" });
  for (const [i, [what, , code, message]] of mistakes.entries()) {
    await t.step(what, () => {
      assert.equal(ended[i].code, code);
      assert.match(ended[i].err, message);
    });
  }
});
