import assert from "node:assert/strict";
import { type Commands, startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { handledBy, movingProject, on, storedIn, stream } from "./events_move.ts";

const ARGS = ["events", "move", "orders.created", "--from", "ORDERS", "--to", "SALES"];

Deno.test("events move keeps a pause, waits for the earlier release, and leaves a consumer that is still pulled", async () => {
  await using all = await movingProject({ mail: on("Created"), both: on("Created, Shipped") });
  const { broker, weir, waiting } = all;
  {
    await using earlier = all.start(["start"]);
    await earlier.waitForLog(({ message }) => message === "ready");
    await weir("functions", "pause", "mail", "both");
    await all.publish(20);
    await all.publish(5, "orders.shipped");
    // The earlier release would give ORDERS its subjects back at its next check, unless SALES has them by then.
    earlier.kill("SIGSTOP");
    await all.change();
    const applied = await weir("apply", "--widen");
    assert.equal(applied.code, 0, applied.text);
    earlier.kill("SIGCONT");
    await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "mail")).num_waiting > 0);
    const { code, text } = await weir(...ARGS);
    assert.equal(code, 1);
    assert.match(
      text,
      /^weir: a process pulls for mail from ORDERS, or did within the last minute: stop the processes of/m,
    );
    assert.equal(await storedIn(broker, "RETRIES"), 0);
    const warned =
      "both: 20 events of orders.created wait in ORDERS, and it has them in SALES now. Its processes handle them";
    assert.ok((await weir("plan")).text.includes(`warning: ${warned}`));
  }
  await nothingPulls(broker.jsm, ["ORDERS"]);
  const { code, text } = await weir(...ARGS);
  assert.equal(code, 0, text);
  assert.match(
    text,
    /^both still has a trigger on ORDERS \(orders\.shipped\) .* without a move \(25 events, with those of/m,
  );
  assert.match(text, /^mail: 20 events moved from ORDERS$\n^ {2}it is paused, .*`deno task functions resume mail`$/m);
  assert.deepEqual([await waiting("mail"), await waiting("both"), await storedIn(broker, "RETRIES")], [0, 25, 20]);
  await using program = all.start(["start"]);
  await program.waitForLog(({ message }) => message === "ready");
  assert.deepEqual(handledBy(program, "mail"), []);
  await weir("functions", "resume", "mail", "both");
  await eventually(() => handledBy(program, "mail").length >= 20 && handledBy(program, "both").length >= 25);
  const numbers = Array.from({ length: 20 }, (_, n) => n), sorted = (all: number[]) => all.sort((a, b) => a - b);
  assert.deepEqual(sorted(handledBy(program, "mail")), numbers);
  assert.deepEqual(sorted(handledBy(program, "both")), sorted([...numbers, 0, 1, 2, 3, 4]));
});

Deno.test("events move refuses what would lose or repeat events, and changes nothing", async (t) => {
  const users = "{ user: all, password: secret }\n" +
    '{ user: ops, password: secret, permissions: { publish: { allow: ">", deny: "$JS.API.CONSUMER.MSG.NEXT.ORDERS.*" } } }';
  await using all = await movingProject(undefined, {
    config: `authorization { users: [${users}] }\nno_auth_user: all`,
  });
  const { broker: { jsm, nc }, weir } = all;
  assert.equal((await weir("apply")).code, 0);
  await all.publish(3);
  let run: Commands["with"] = weir.with;
  const refused = async (what: string, error: RegExp, args = ARGS, code = 1, env = {}) => {
    await t.step(what, async () => {
      const ended = await run(env)(...args);
      assert.match(ended.text, error);
      assert.equal(ended.code, code);
      assert.deepEqual([await all.waiting("mail"), await all.waiting("bill")], [3, 3]);
    });
  };
  const move = (type: string, from: string, to: string) => ["events", "move", type, "--from", from, "--to", to];
  await refused(
    "while the definitions have the old stream",
    /^weir: orders\.created is in ORDERS by the project's .*, and not in SALES/m,
  );
  await all.declare(stream("SALES", "orders.>"));
  await refused(
    "while the old stream stores the type",
    /^weir: stream ORDERS still stores orders\.created, .*nats stream edit ORDERS/m,
  );
  await all.change();
  assert.equal((await weir("apply")).code, 0);
  await using commands = await startCommands(all.project.path, all.broker.server.url);
  run = commands.with;
  await refused(
    "an unknown type",
    /^weir: no event has the type "orders\.craeted": did you mean "orders\.created"\?/m,
    move("orders.craeted", "ORDERS", "SALES"),
  );
  await refused(
    "the same stream twice",
    /--from and --to are both SALES/,
    move("orders.created", "SALES", "SALES"),
    64,
  );
  await refused(
    "an old stream that does not exist",
    /^weir: there is no stream ORDRES on this cluster/m,
    move("orders.created", "ORDRES", "SALES"),
  );
  await jsm.streams.add({ name: "THEIRS", subjects: ["theirs"], metadata: { "weir-project": "another" } });
  await refused(
    "another project's stream",
    /^weir: stream THEIRS: it belongs to the project "another"/m,
    move("orders.created", "THEIRS", "SALES"),
  );
  await jsm.streams.add({ name: "EMPTY", subjects: ["empty"] });
  await refused(
    "a stream in which nothing waits",
    /^weir: no function has a consumer for orders\.created on EMPTY: nothing/m,
    move("orders.created", "EMPTY", "SALES"),
  );

  const record = { type: "orders.shipped", from: "OLDER", to: "SALES", moved: 0, deadLetters: 0, unacked: [] };
  const stored = await nc.request("retries.move.mail.position.stored", JSON.stringify(record), { timeout: 30_000 });
  const { seq } = stored.json<{ seq: number }>();
  await refused(
    "while another move is unfinished",
    /^weir: a move of events of mail was interrupted: finish it with `events move orders\.shipped --from OLDER --to SALES`/m,
  );
  await jsm.streams.deleteMessage("RETRIES", seq);
  await all.write("functions/mail.ts", on("Shipped"));
  await t.step("it leaves what a function does not listen to any more, and says so", async () => {
    const { code, text } = await weir(...ARGS, "--dry-run");
    assert.match(text, /^3 events of orders\.created wait for mail on ORDERS, .* any more: they are not moved$/m);
    assert.match(text, /^bill: 3 events would be moved from ORDERS$/m);
    assert.equal(code, 0);
  });
  await all.write("functions/mail.ts", on("Created"));
  const ops = { NATS_USER: "ops", NATS_PASSWORD: "secret" };
  await refused(
    "a user who may not pull from the old stream",
    /^weir: this NATS user lacks a permission .*MSG\.NEXT\.ORDERS.*: deploy\/OPERATIONS\.md lists/m,
    ARGS,
    1,
    ops,
  );
});

Deno.test("events move refuses streams that store the same events: the new consumers receive what waits", async () => {
  await using all = await movingProject({});
  const { broker: { jsm }, weir } = all;
  await jsm.streams.add({ name: "ORIGIN", subjects: ["raw.>"] });
  await jsm.streams.add({ name: "COPY", mirror: { name: "ORIGIN" } });
  await jsm.streams.add({ name: "PART", sources: [{ name: "ORIGIN", filter_subject: "raw.a" }] });
  await all.write("functions/mail.ts", on('{ pattern: "raw.a", stream: "COPY" }'));
  assert.equal((await weir("apply")).code, 0);
  await jsm.streams.update("ORIGIN", { subjects: ["old"] });
  for (const [from, to] of [["ORIGIN", "COPY"], ["COPY", "ORIGIN"], ["COPY", "PART"], ["PART", "COPY"]]) {
    await all.write("functions/mail.ts", on(`{ pattern: "raw.a", stream: "${to}" }`));
    const { code, text } = await weir("events", "move", "raw.a", "--from", from, "--to", to);
    assert.match(text, new RegExp(`^weir: streams ${from} and ${to} store the same events`, "m"));
    assert.equal(code, 1);
  }
});

Deno.test("events move moves within a namespace, by the names of streams with or without it", async () => {
  await using all = await movingProject({ mail: on("Created") });
  const { broker: { jsm }, weir } = all, env = { WEIR_NAMESPACE: "shop" }, shop = weir.with(env);
  assert.equal((await shop("apply")).code, 0);
  await all.publish(4, "orders.created", "shop.orders.created");
  await jsm.streams.update("shop_ORDERS", { subjects: ["shop.orders.shipped"] });
  await all.declare(stream("ORDERS", "orders.shipped"), stream("SALES", "orders.created"));
  assert.equal((await shop("apply")).code, 0);
  const command = "`deno task events move orders.created --from shop_ORDERS --to shop_SALES`";
  assert.ok((await shop("plan")).text.includes(`mail: 4 events of orders.created wait in shop_ORDERS, `));
  assert.ok((await shop("plan")).text.includes(command));
  assert.match((await shop(...ARGS, "--dry-run")).text, /^mail: 4 events would be moved from shop_ORDERS$/m);
  const named = ["events", "move", "orders.created", "--from", "shop_ORDERS", "--to", "shop_SALES"];
  assert.match((await shop(...named)).text, /^mail: 4 events moved from shop_ORDERS$/m);
  await using program = all.start(["start"], env);
  await eventually(() => handledBy(program, "mail").length >= 4);
  assert.deepEqual(handledBy(program, "mail").sort(), [0, 1, 2, 3]);
});

Deno.test("events move forgets a move that was interrupted once its old consumer is deleted", async () => {
  await using all = await movingProject({ mail: on("Created") });
  const { broker: { jsm, nc }, weir } = all;
  assert.equal((await weir("apply")).code, 0);
  await all.change();
  assert.equal((await weir("apply", "--prune")).code, 0);
  const record = { type: "orders.created", from: "ORDERS", to: "SALES", moved: 1, deadLetters: 0, unacked: [7] };
  await nc.request("retries.move.mail.position.stored", JSON.stringify(record), { timeout: 30_000 });
  assert.doesNotMatch((await weir("plan")).text, /warning/);
  assert.match((await weir(...ARGS)).text, /^weir: no function has a consumer for orders\.created on ORDERS/m);
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 0);
});

Deno.test("apply --prune keeps the old consumer of a move that was interrupted", async () => {
  await using all = await movingProject({ mail: on("Created") });
  const { broker: { nc }, weir } = all;
  assert.equal((await weir("apply")).code, 0);
  await all.publish(3);
  await all.change();
  assert.equal((await weir("apply")).code, 0);
  const record = { type: "orders.created", from: "ORDERS", to: "SALES", moved: 1, deadLetters: 0, unacked: [] };
  await nc.request("retries.move.mail.position.stored", JSON.stringify(record), { timeout: 30_000 });
  const { code, text } = await weir("apply", "--prune");
  const command = "`deno task events move orders.created --from ORDERS --to SALES`";
  assert.ok(text.includes(`not deleted, since a move from it is not finished: finish it with ${command}`), text);
  assert.equal(code, 1);
  assert.equal((await weir(...ARGS)).code, 0);
  assert.equal((await weir("apply", "--prune")).code, 0);
});
