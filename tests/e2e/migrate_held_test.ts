import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const FILES = {
  "functions/archive.ts": `
    import { defineFunction } from "weir";
    export default defineFunction(
      { on: { pattern: "legacy.>", stream: "LEGACY" }, decode: "text" },
      ({ data }, ctx) => ctx.log.info("handled " + data),
    );`,
};

/** Starts a server with a stream of another owner, and a project with a function on it. */
async function setup() {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProjectWith(FILES));
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const jsm = await jetstreamManager(nc), js = jetstream(nc);
  await jsm.streams.add({ name: "LEGACY", subjects: ["legacy.>"] });
  const all = scope.move();
  const env = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", NO_COLOR: "1" };
  const start = (args: string[], namespace = "") =>
    all.use(startWeir(project.path, args, { ...env, WEIR_NAMESPACE: namespace }));
  const weir = all.use(await startCommands(project.path, server.url));
  const isIdle = async (consumer: string, retries: string) => {
    const infos = await Promise.all([jsm.consumers.info("LEGACY", consumer), jsm.consumers.info(retries, consumer)]);
    return infos.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0);
  };
  return {
    jsm,
    publish: async (...texts: string[]) => {
      for (const text of texts) await js.publish("legacy.note", text);
    },
    /** Stores the position of an interrupted command. */
    interrupt: (command: "move" | "replay", record: unknown) =>
      js.publish(`retries.${command}.archive.position.stored`, JSON.stringify(record)),
    run: async (args: string[], namespace = "", expected = 0) => {
      const { code, text } = await weir.with({ WEIR_NAMESPACE: namespace })(...args);
      assert.equal(code, expected, text);
      return text;
    },
    /** Gives the project another name. */
    call: async (name: string) => {
      const file = `${project.path}/deno.json`, text = JSON.parse(await Deno.readTextFile(file));
      await Deno.writeTextFile(file, JSON.stringify({ ...text, name, exports: {} }));
    },
    /** Runs a process until nothing waits, and returns what it handled. */
    handledBy: async (namespace = ""): Promise<string[]> => {
      const program = start(["start"], namespace), prefix = namespace && `${namespace}_`;
      await program.waitForLog(({ message }) => message === "ready");
      await eventually(() => isIdle(`${prefix}archive`, `${prefix}RETRIES`));
      program.kill("SIGTERM");
      await program.status;
      return handled(program);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function handled({ lines }: Program): string[] {
  return lines.flatMap((line) => /"handled (\w+)"/.exec(line)?.[1] ?? []).sort();
}

Deno.test("migrate hands over the position in a stream that Weir does not own, there and back, so that nothing is handled again", async () => {
  await using shop = await setup();
  const { publish, handledBy, run } = shop;
  await publish("a", "b");
  assert.deepEqual(await handledBy(), ["a", "b"]);
  await publish("c");
  assert.match(await run(["migrate"], "ns"), /moved 1 waiting event/);
  await publish("d");
  assert.match(await run(["migrate"], "ns"), /moved 1 waiting event/, "a repeated run leaves d to the new consumer");
  assert.deepEqual(await handledBy("ns"), ["c", "d"]);
  await publish("e");
  assert.match(await run(["migrate", "--from", "ns"]), /moved 1 waiting event/);
  assert.deepEqual(await handledBy(), ["e"]);
});

Deno.test("migrate keeps cancelled events cancelled", async () => {
  await using shop = await setup();
  const { publish, handledBy, run } = shop;
  await publish("a");
  assert.deepEqual(await handledBy(), ["a"]);
  await publish("b", "c");
  await run(["events", "cancel", "LEGACY", "2", "--function", "archive"]);
  await run(["migrate"], "ns");
  assert.deepEqual(await handledBy("ns"), ["c"]);
  assert.match(await run(["dead-letters", "list", "--json"], "ns"), /"reason": ?"cancelled"/);
});

Deno.test("migrate moves what waits for a paused function, and its pause", async () => {
  await using shop = await setup();
  const { publish, handledBy, run, jsm } = shop;
  await publish("a");
  assert.deepEqual(await handledBy(), ["a"]);
  await run(["functions", "pause", "archive"]);
  await publish("b");
  assert.match(await run(["migrate"], "ns"), /moved 1 waiting event/);
  const isPaused = async (stream: string, consumer: string) =>
    (await jsm.consumers.info(stream, consumer) as { paused?: boolean }).paused === true;
  assert.deepEqual([await isPaused("ns_RETRIES", "ns_archive"), await isPaused("LEGACY", "ns_archive")], [true, true]);
  assert.equal(await isPaused("RETRIES", "archive"), false);
  await run(["functions", "resume", "archive"], "ns");
  assert.deepEqual(await handledBy("ns"), ["b"]);
});

Deno.test("migrate says where it looked when it finds nothing, and that the project has had another name", async () => {
  await using shop = await setup();
  const { publish, run, call } = shop;
  assert.match(
    await run(["migrate", "--dry-run"], "ns"),
    /^no function of this project \(archive\) has a consumer in no namespace$/m,
  );
  await call("shop");
  await publish("a");
  await run(["apply"]);
  await call("store");
  const renamed = await run(["migrate", "--dry-run"], "ns");
  assert.match(renamed, /would move 0 waiting events/);
  assert.match(
    renamed,
    /has a consumer in no namespace; consumers with these names there belong to the project "shop": .*`deno task apply --take-over`/,
  );
  await run(["apply", "--take-over"]);
  assert.match(await run(["migrate"], "ns"), /^moved 1 waiting event/m);
  const nothing = /^nothing waits for the functions of this project \(archive\) in the namespace ns2$/m;
  await run(["apply"], "ns2");
  assert.match(await run(["migrate", "--from", "ns2", "--dry-run"], "ns"), /1 waiting event/);
  await run(["migrate", "--from", "ns2"], "ns3");
  assert.match(await run(["migrate", "--from", "ns2"], "ns3"), nothing);
});

Deno.test("migrate is refused while a move, a replay or a rename is unfinished, and changes nothing", async () => {
  await using shop = await setup();
  const { publish, run, interrupt, jsm } = shop;
  await run(["apply"]);
  await publish("a");
  const move = await interrupt("move", { type: "legacy.>", from: "OLD", to: "LEGACY", unacked: [] });
  const replay = await interrupt("replay", { id: "replay-1", function: "archive" });
  const { config } = await jsm.consumers.info("RETRIES", "archive");
  await jsm.consumers.update("RETRIES", "archive", { metadata: { ...config.metadata, "weir-renamed-to": "store" } });
  const text = await run(["migrate"], "ns", 1);
  for (
    const problem of [
      "a move of events of archive is not finished: finish it with `deno task events move 'legacy.>' --from OLD --to LEGACY`",
      "a replay of archive is not finished: run it again, or `deno task replay archive --abandon`",
      "the rename of archive to store is not finished: finish it with",
    ]
  ) assert.ok(text.includes(problem), text);
  assert.match(text, /\(without WEIR_NAMESPACE\)/);
  assert.deepEqual(await Array.fromAsync(jsm.streams.names()).then((all) => all.filter((one) => /^ns/.test(one))), []);
  for (const { seq } of [move, replay]) await jsm.streams.deleteMessage("RETRIES", seq);
  await jsm.consumers.update("RETRIES", "archive", { metadata: config.metadata });
  assert.match(await run(["migrate"], "ns"), /moved 1 waiting event/);
});
