import assert from "node:assert/strict";
import { argumentsOf } from "../../runtime/cli/start/start_arguments.ts";
import { freePorts } from "../support/ports.ts";
import type { Program } from "../support/weir_process.ts";
import { setupWorkers, type Workers } from "./workers.ts";

const ended = async (program: Program) => {
  const { code } = await program.status;
  return { code, text: program.lines.join("\n") };
};
/** The format in which a start that fails prints text. */
const PRETTY = { LOG_FORMAT: "pretty" };
const times = (text: string, what: RegExp) => [...text.matchAll(what)].length;

Deno.test("start with WEIR_WORKERS reports each problem of configuration and code once", async () => {
  await using setup = await setupWorkers();
  await Deno.writeTextFile(`${setup.project}/functions/broken.ts`, "export const nothing = 1;");
  const both = await ended(setup.run(3, { ...PRETTY, SHUTDOWN_GRACE: "soon" }));
  assert.equal(both.code, 1);
  assert.match(
    both.text,
    /^weir: 2 problems:\n.*SHUTDOWN_GRACE is "soon".*\n.*functions\/broken\.ts: no default export/,
  );
  const code = await ended(setup.run(3, PRETTY));
  assert.equal(code.code, 1);
  assert.equal(times(code.text, /^weir: 1 problem:\n.*functions\/broken\.ts: no default export/gm), 1);
  assert.equal(times(code.text, /weir:/g), 1);
});

Deno.test("start with WEIR_WORKERS reports an unreachable NATS once", async () => {
  await using setup = await setupWorkers();
  const { NATS } = freePorts("NATS");
  const { code, text } = await ended(setup.run(3, { ...PRETTY, NATS_URL: `nats://127.0.0.1:${NATS}` }));
  assert.equal(code, 1);
  assert.equal(times(text, /^weir: cannot connect to NATS at /gm), 1);
});

Deno.test("start with WEIR_WORKERS reports a port on which another process listens", async () => {
  await using setup = await setupWorkers();
  const { url, admin } = await setup.start(2);
  for (const [name, where] of [["PORT", url], ["ADMIN_PORT", admin]]) {
    const { port } = new URL(where);
    const { code, text } = await ended(setup.run(2, { ...PRETTY, [name]: port }));
    assert.equal(code, 1);
    assert.match(
      text,
      new RegExp(`^weir: cannot listen on 127\\.0\\.0\\.1:${port}: another process listens there.*${name} to`, "m"),
    );
  }
});

/** A function whose module logs whether it may run Deno, and `cat`. */
const CURIOUS = `
const can = (command) => Deno.permissions.querySync({ name: "run", command }).state === "granted";
console.log(JSON.stringify({ message: "curious", deno: can(Deno.execPath()), cat: can("cat"), pid: Deno.pid }));
export { default } from "./count.ts";
`;

/** Runs the command of the task `start` with the permissions of the task. Other tests grant all. */
async function runTask({ project, server }: Workers, workers: string, cwd = project): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
  const args = argumentsOf(tasks.start.command, Deno.execPath()).slice(1);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args.map((arg) => arg.endsWith(".ts") ? `${project}/${arg}` : arg)],
    cwd,
    env: { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", NATS_URL: server.url, WEIR_WORKERS: workers },
    stdout: "piped",
  }).spawn();
  const lines: string[] = [];
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    lines.push(text);
    if (text.includes('"message":"ready"')) child.kill("SIGTERM");
  }
  assert.equal((await child.status).code, 0, lines.join(""));
  return lines.join("").split("\n");
}

for (const workers of ["1", "2"]) {
  Deno.test(`start with WEIR_WORKERS=${workers} does not grant functions to run Deno, and grants them what else the task grants`, async () => {
    await using setup = await setupWorkers();
    await Deno.writeTextFile(`${setup.project}/functions/curious.ts`, CURIOUS);
    const file = `${setup.project}/deno.json`, config = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, config.replace("Deno.execPath()')", "$&,cat"));
    const lines = await runTask(setup, workers);
    const answers = lines.filter((line) => line.includes('"message":"curious"')).map((line) => JSON.parse(line));
    assert.equal(answers.length, Number(workers));
    for (const { deno, cat } of answers) assert.deepEqual({ deno, cat }, { deno: false, cat: true });
  });
}

Deno.test("start with WEIR_WORKERS works in any working directory", async () => {
  await using setup = await setupWorkers();
  const lines = await runTask(setup, "2", await Deno.realPath(`${setup.project}/schemas`));
  assert.equal(lines.filter((line) => line.includes('"message":"worker ready"')).length, 2);
});

Deno.test("start with WEIR_WORKERS names the permission that it lacks to run processes", async () => {
  await using setup = await setupWorkers();
  const file = `${setup.project}/deno.json`, config = JSON.parse(await Deno.readTextFile(file));
  const args = argumentsOf(config.tasks.start.command, Deno.execPath()).filter((arg) => !arg.startsWith("--allow-run"));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: setup.project,
    env: { HOST: "127.0.0.1", WEIR_WORKERS: "2" },
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /"WEIR_WORKERS is 2, and .* add --allow-run=.*deno/);
});
