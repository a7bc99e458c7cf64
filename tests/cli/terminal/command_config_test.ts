import assert from "node:assert/strict";
import { natsOptions } from "../../../runtime/app/cluster.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { copyProject } from "../../support/project.ts";

Deno.test("that NATS_URL is not set is known, and set to the same it is set", () => {
  const unset = (NATS_URL?: string) =>
    natsOptions(readConfig({ get: (name) => name === "NATS_URL" ? NATS_URL : undefined, readFile: () => "" })).unset;
  assert.deepEqual([unset(), unset("nats://127.0.0.1:4222")], [true, false]);
});

Deno.test("a command that changes something says where, if nobody has said so and no dev runs here", async () => {
  await using project = await copyProject();
  /** None of that number is anywhere, so that nothing is changed wherever it looks. */
  const say = async (env: Record<string, string>, ...args: string[]) => {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "runtime/cli/main.ts", "dead-letters", ...args, "999999999"],
      cwd: project.path,
      env,
    }).output();
    return new TextDecoder().decode(stderr).split("\n")[0];
  };
  const unset = { NATS_URL: "", NATS_URL_FILE: "" }, where = "to nats://127.0.0.1:4222 (NATS_URL is not set)";
  assert.equal(await say(unset, "redrive"), where);
  assert.equal(await say(unset, "discard"), where);
  assert.notEqual(await say(unset, "show"), where);
  assert.notEqual(await say({ NATS_URL: "nats://127.0.0.1:1" }, "discard"), where);
  await Deno.mkdir(`${project.path}/.weir`);
  const dev = { nats: "nats://127.0.0.1:1", url: "http://127.0.0.1:1", admin: "http://127.0.0.1:1" };
  await Deno.writeTextFile(`${project.path}/.weir/dev.json`, JSON.stringify(dev));
  using lock = await Deno.open(`${project.path}/.weir/lock`, { create: true, write: true });
  await lock.lock(true); // as a dev that runs holds it
  assert.notEqual(await say(unset, "discard"), where);
});
