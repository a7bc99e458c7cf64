import assert from "node:assert/strict";
import { spawnChild } from "../../runtime/nats_server/child_process.ts";
import { isAlive, startProgram, waitUntilGone } from "../support/processes.ts";

const ignore = Deno.build.os === "windows";
const CHILD_PROCESS = JSON.stringify(import.meta.resolve("../../runtime/nats_server/child_process.ts"));

/** Resolves with the first line that a process prints: its command runs by then. */
function firstLine() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { line: promise, onLine: (line: string) => resolve(line) };
}

Deno.test({ name: "spawnChild returns the pid of the command itself", ignore }, async () => {
  const { line, onLine } = firstLine();
  await using child = spawnChild({ command: "sh", args: ["-c", "echo $$; exec sleep 600"], stdout: onLine });
  assert.equal(await line, String(child.pid));
});

Deno.test({ name: "ChildProcess.stop ends the process, and does nothing the second time", ignore }, async () => {
  const { line, onLine } = firstLine();
  const child = spawnChild({ command: "sh", args: ["-c", "echo up; exec sleep 600"], stdout: onLine });
  await line;
  assert.equal(await isAlive(child.pid), true);
  await child.stop();
  assert.equal(await isAlive(child.pid), false);
  assert.deepEqual(await child.status, { code: 143, signal: "SIGTERM" });
  await child.stop();
});

Deno.test({ name: "ChildProcess.stop kills a process that ignores SIGTERM after the grace", ignore }, async () => {
  const { line, onLine } = firstLine();
  const args = ["-c", "trap '' TERM; echo up; while :; do sleep 1; done"];
  const child = spawnChild({ command: "sh", args, stdout: onLine });
  await line;
  await child.stop("SIGTERM", 50);
  assert.deepEqual(await child.status, { code: 137, signal: "SIGKILL" });
});

Deno.test({ name: "ChildProcess.stop sends another signal if the caller chooses one", ignore }, async () => {
  const { line, onLine } = firstLine();
  const args = ["-c", "trap 'exit 3' USR1; echo up; while :; do sleep 0.05; done"];
  const child = spawnChild({ command: "sh", args, stdout: onLine });
  await line;
  await child.stop("SIGUSR1");
  assert.deepEqual(await child.status, { code: 3, signal: null });
});

Deno.test(
  { name: "ChildProcess.status is the exit code of a process that exits by itself, and no watchdog is left", ignore },
  async () => {
    const marker = `weir-marker-${crypto.randomUUID()}`; // part of the watchdog's command line
    const child = spawnChild({ command: "sh", args: ["-c", "exit 7", marker] });
    assert.deepEqual(await child.status, { code: 7, signal: null });
    const ps = async () => {
      const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,args="] }).output();
      return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(marker));
    };
    for (const line of await ps()) await waitUntilGone(parseInt(line));
    await child.stop();
  },
);

Deno.test({ name: "spawnChild delivers output line by line, all of it before the status", ignore }, async () => {
  const out: string[] = [];
  const err: string[] = [];
  const script = "printf 'one\\ntw'; printf 'o\\n\\nlast'; printf 'problem\\r\\n' >&2";
  const child = spawnChild({
    command: "sh",
    args: ["-c", script],
    stdout: (line) => out.push(line),
    stderr: (line) => err.push(line),
  });
  await child.status;
  assert.deepEqual(out, ["one", "two", "", "last"]);
  assert.deepEqual(err, ["problem"]);
});

Deno.test(
  { name: "spawnChild passes arguments, directory and environment unchanged", ignore },
  async () => {
    const out: string[] = [];
    const child = spawnChild({
      command: "sh",
      args: ["-c", 'echo "$1|$2|$PWD|$GREETING"; cat', "sh", "a  b", '"$HOME"'],
      cwd: "/",
      env: { GREETING: "hello" },
      stdout: (line) => out.push(line),
    });
    await child.status;
    assert.deepEqual(out, ['a  b|"$HOME"|/|hello']);
  },
);

Deno.test(
  { name: "spawnChild of a command that does not exist exits with code 127 and an error message", ignore },
  async () => {
    const err: string[] = [];
    const child = spawnChild({ command: "/no/such/command", args: [], stderr: (line) => err.push(line) });
    assert.deepEqual(await child.status, { code: 127, signal: null });
    assert.match(err.join("\n"), /\/no\/such\/command: .*(not found|No such file)/);
  },
);

Deno.test(
  { name: "ChildProcess.status does not wait for a grandchild that keeps the output open", ignore },
  async () => {
    const out: string[] = [];
    const child = spawnChild({
      command: "sh",
      args: ["-c", "sleep 30 & echo $!"],
      stdout: (line) => out.push(line),
    });
    await child.status;
    Deno.kill(Number(out[0]), "SIGKILL");
  },
);

Deno.test({ name: "ChildProcess.status rejects with the error of an output callback", ignore }, async () => {
  const child = spawnChild({
    command: "echo",
    args: ["up"],
    stdout: () => {
      throw new Error("callback failed");
    },
  });
  await assert.rejects(child.status, { message: "callback failed" });
});

Deno.test({ name: "ChildProcess.stop works after the watchdog was killed", ignore }, async () => {
  const marker = `weir-marker-${crypto.randomUUID()}`;
  const { line, onLine } = firstLine();
  const args = ["-c", "echo up; exec sleep 600", marker];
  const child = spawnChild({ command: "sh", args, stdout: onLine });
  await line;
  const { stdout } = await new Deno.Command("pgrep", { args: ["-f", marker] }).output();
  const watchdog = new TextDecoder().decode(stdout).trim().split("\n").map(Number).find((pid) => pid !== child.pid)!;
  Deno.kill(watchdog, "SIGKILL");
  await waitUntilGone(watchdog);
  await child.stop();
  assert.equal(await isAlive(child.pid), false);
});

Deno.test(
  { name: "spawnChild starts a process that ends when its parent is killed with SIGKILL", ignore },
  async () => {
    await using parent = await startProgram(`
    import { spawnChild } from ${CHILD_PROCESS};
    spawnChild({ command: "sh", args: ["-c", "echo $$; exec sleep 600"], stdout: console.log });
  `);
    const pid = Number(await parent.line());
    assert.equal(await isAlive(pid), true);
    await parent.kill();
    await waitUntilGone(pid);
  },
);

Deno.test(
  { name: "spawnChild starts a process that ends when its parent exits without stopping it", ignore },
  async () => {
    await using parent = await startProgram(`
    import { spawnChild } from ${CHILD_PROCESS};
    spawnChild({
      command: "sh",
      args: ["-c", "echo $$; exec sleep 600"],
      stdout: (line) => { console.log(line); Deno.exit(); },
    });
  `);
    await waitUntilGone(Number(await parent.line()));
  },
);

Deno.test(
  { name: "spawnChild starts a process that ends with its parent even if it ignores SIGTERM", ignore },
  async () => {
    await using parent = await startProgram(`
    import { spawnChild } from ${CHILD_PROCESS};
    const args = ["-c", "trap '' TERM; echo $$; while :; do sleep 1; done"];
    spawnChild({ command: "sh", args, stdout: console.log });
  `);
    const pid = Number(await parent.line());
    await parent.kill();
    await waitUntilGone(pid);
  },
);

Deno.test(
  { name: "spawnChild shields the process from the Ctrl-C that reaches its parent, unlike a plain child", ignore },
  async () => {
    await using parent = await startProgram(`
    import { spawnChild } from ${CHILD_PROCESS};
    const child = spawnChild({
      command: "sh",
      args: ["-c", "echo $$; exec sleep 600"],
      stdout: console.log,
    });
    const plain = new Deno.Command("sleep", { args: ["600"] }).spawn();
    Deno.addSignalListener("SIGINT", async () => {
      console.log("plain child", (await plain.status).signal);
      await child.stop();
      console.log("shielded child", (await child.status).signal);
      Deno.exit();
    });
  `);
    const pid = Number(await parent.line());
    // A terminal sends the signal to every process of the foreground group.
    await new Deno.Command("sh", { args: ["-c", `kill -INT -${parent.pid}`] }).output();
    assert.equal(await parent.line(), "plain child SIGINT");
    assert.equal(await parent.line(), "shielded child SIGTERM");
    await waitUntilGone(pid);
  },
);
