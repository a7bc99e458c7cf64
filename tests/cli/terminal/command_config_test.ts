import assert from "node:assert/strict";
import { natsOptions } from "../../../runtime/app/cluster.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { defaultTargetProblem } from "../../../runtime/cli/terminal/command_config.ts";
import { runLines } from "../../support/command_lines.ts";
import { copyProject } from "../../support/project.ts";

Deno.test("natsOptions tells an unset NATS_URL from one set to the default", () => {
  const unset = (NATS_URL?: string) =>
    natsOptions(readConfig({ get: (name) => name === "NATS_URL" ? NATS_URL : undefined, readFile: () => "" })).unset;
  assert.deepEqual([unset(), unset("nats://127.0.0.1:4222")], [true, false]);
});

Deno.test("defaultTargetProblem says to start dev or set NATS_URL, only if that is unset", () => {
  const problem = (NATS_URL?: string) =>
    defaultTargetProblem(readConfig({ get: (name) => name === "NATS_URL" ? NATS_URL : undefined, readFile: () => "" }));
  assert.match(problem() ?? "", /this asks nats:\/\/127\.0\.0\.1:4222, .*start `deno task dev` in this folder, or set/);
  assert.equal(problem("nats://127.0.0.1:4222"), undefined);
});

Deno.test("printDefaultTarget names the NATS of commands that plan or make changes, if NATS_URL is not set and no dev runs", async () => {
  await using project = await copyProject();
  /** Returns the first line of each command. They may use no network, so they change no NATS of this machine. */
  const firstLines = async (env: Record<string, string>, commands: readonly (readonly string[])[]) => {
    const ended = await runLines(project.path, commands, env, ["--deny-net"]);
    return ended.map(({ code, err }) => (assert.notEqual(code, 0), err.split("\n")[0]));
  };
  const unset = { NATS_URL: "", NATS_URL_FILE: "" }, target = "to nats://127.0.0.1:4222 (NATS_URL is not set)";
  const show = ["dead-letters", "show", "999999999"], discard = ["dead-letters", "discard", "999999999"];
  const commands = [
    ["dead-letters", "redrive", "999999999"],
    discard,
    ["retries", "cancel", "999999999"],
    ["publish", "orders.created", "--sample", "1"],
    ["plan"],
    ["apply"],
  ];
  const json = commands.map((command) => [...command, "--json"]);
  assert.deepEqual(await firstLines(unset, commands), commands.map(() => target));
  const others = [
    ...await firstLines(unset, [...json, show]),
    ...await firstLines({ NATS_URL: "nats://127.0.0.1:1" }, [discard]),
  ];
  assert.equal(others.length, commands.length + 2);
  assert.ok(!others.includes(target), others.join("\n"));
  await Deno.mkdir(`${project.path}/.weir`);
  const dev = { nats: "nats://127.0.0.1:1", url: "http://127.0.0.1:1", admin: "http://127.0.0.1:1" };
  await Deno.writeTextFile(`${project.path}/.weir/dev.json`, JSON.stringify(dev));
  using lock = await Deno.open(`${project.path}/.weir/lock`, { create: true, write: true });
  await lock.lock(true); // as a running dev does
  assert.notEqual((await firstLines(unset, [discard]))[0], target);
});
