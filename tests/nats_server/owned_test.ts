import assert from "node:assert/strict";
import { spawnOwned } from "../../runtime/nats_server/owned.ts";
import { isAlive, startProgram, waitUntilGone } from "../support/processes.ts";

const ignore = Deno.build.os === "windows";
const OWNED = JSON.stringify(import.meta.resolve("../../runtime/nats_server/owned.ts"));

/** Waits for the first line a process prints: it is running its command then. */
function firstLine() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { line: promise, onLine: (line: string) => resolve(line) };
}

Deno.test({ name: "the pid is the command's own", ignore }, async () => {
  const { line, onLine } = firstLine();
  await using owned = spawnOwned({ command: "sh", args: ["-c", "echo $$; exec sleep 600"], stdout: onLine });
  assert.equal(await line, String(owned.pid));
});

Deno.test({ name: "after stop() the process is gone, and stopping again does nothing", ignore }, async () => {
  const { line, onLine } = firstLine();
  const owned = spawnOwned({ command: "sh", args: ["-c", "echo up; exec sleep 600"], stdout: onLine });
  await line;
  assert.equal(await isAlive(owned.pid), true);
  await owned.stop();
  assert.equal(await isAlive(owned.pid), false);
  assert.deepEqual(await owned.status, { code: 143, signal: "SIGTERM" });
  await owned.stop();
});

Deno.test({ name: "a process that ignores SIGTERM is killed after the grace", ignore }, async () => {
  const { line, onLine } = firstLine();
  const args = ["-c", "trap '' TERM; echo up; while :; do sleep 1; done"];
  const owned = spawnOwned({ command: "sh", args, stdout: onLine });
  await line;
  await owned.stop("SIGTERM", 50);
  assert.deepEqual(await owned.status, { code: 137, signal: "SIGKILL" });
});

Deno.test({ name: "stop() may choose another signal", ignore }, async () => {
  const { line, onLine } = firstLine();
  const args = ["-c", "trap 'exit 3' USR1; echo up; while :; do sleep 0.05; done"];
  const owned = spawnOwned({ command: "sh", args, stdout: onLine });
  await line;
  await owned.stop("SIGUSR1");
  assert.deepEqual(await owned.status, { code: 3, signal: null });
});

Deno.test(
  { name: "a process that ends by itself gives its own exit code and leaves no watchdog", ignore },
  async () => {
    const marker = `weir-marker-${crypto.randomUUID()}`; // part of the watchdog's command line
    const owned = spawnOwned({ command: "sh", args: ["-c", "exit 7", marker] });
    assert.deepEqual(await owned.status, { code: 7, signal: null });
    const ps = async () => {
      const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,args="] }).output();
      return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(marker));
    };
    for (const line of await ps()) await waitUntilGone(parseInt(line));
    await owned.stop();
  },
);

Deno.test({ name: "output is given by the line, all of it before the status", ignore }, async () => {
  const out: string[] = [];
  const err: string[] = [];
  const script = "printf 'one\\ntw'; printf 'o\\n\\nlast'; printf 'problem\\r\\n' >&2";
  const owned = spawnOwned({
    command: "sh",
    args: ["-c", script],
    stdout: (line) => out.push(line),
    stderr: (line) => err.push(line),
  });
  await owned.status;
  assert.deepEqual(out, ["one", "two", "", "last"]);
  assert.deepEqual(err, ["problem"]);
});

Deno.test(
  { name: "the command gets its arguments, directory and environment unchanged", ignore },
  async () => {
    const out: string[] = [];
    const owned = spawnOwned({
      command: "sh",
      args: ["-c", 'echo "$1|$2|$PWD|$GREETING"; cat', "sh", "a  b", '"$HOME"'],
      cwd: "/",
      env: { GREETING: "hello" },
      stdout: (line) => out.push(line),
    });
    await owned.status;
    assert.deepEqual(out, ['a  b|"$HOME"|/|hello']);
  },
);

Deno.test({ name: "a command that does not exist ends with code 127 and says so", ignore }, async () => {
  const err: string[] = [];
  const owned = spawnOwned({ command: "/no/such/command", args: [], stderr: (line) => err.push(line) });
  assert.deepEqual(await owned.status, { code: 127, signal: null });
  assert.match(err.join("\n"), /\/no\/such\/command: .*(not found|No such file)/);
});

Deno.test(
  { name: "a grandchild that keeps the output open does not hold up the status", ignore },
  async () => {
    const out: string[] = [];
    const owned = spawnOwned({
      command: "sh",
      args: ["-c", "sleep 30 & echo $!"],
      stdout: (line) => out.push(line),
    });
    await owned.status;
    Deno.kill(Number(out[0]), "SIGKILL");
  },
);

Deno.test({ name: "an error in an output callback comes out of the status", ignore }, async () => {
  const owned = spawnOwned({
    command: "echo",
    args: ["up"],
    stdout: () => {
      throw new Error("callback failed");
    },
  });
  await assert.rejects(owned.status, { message: "callback failed" });
});

Deno.test({ name: "stop() works after the watchdog was killed", ignore }, async () => {
  const marker = `weir-marker-${crypto.randomUUID()}`;
  const { line, onLine } = firstLine();
  const args = ["-c", "echo up; exec sleep 600", marker];
  const owned = spawnOwned({ command: "sh", args, stdout: onLine });
  await line;
  const { stdout } = await new Deno.Command("pgrep", { args: ["-f", marker] }).output();
  const watchdog = new TextDecoder().decode(stdout).trim().split("\n").map(Number).find((pid) => pid !== owned.pid)!;
  Deno.kill(watchdog, "SIGKILL");
  await waitUntilGone(watchdog);
  await owned.stop();
  assert.equal(await isAlive(owned.pid), false);
});

Deno.test({ name: "the process ends when its owner is killed with SIGKILL", ignore }, async () => {
  await using owner = await startProgram(`
    import { spawnOwned } from ${OWNED};
    spawnOwned({ command: "sh", args: ["-c", "echo $$; exec sleep 600"], stdout: console.log });
  `);
  const pid = Number(await owner.line());
  assert.equal(await isAlive(pid), true);
  await owner.kill();
  await waitUntilGone(pid);
});

Deno.test({ name: "the process ends when its owner does so without stopping it", ignore }, async () => {
  await using owner = await startProgram(`
    import { spawnOwned } from ${OWNED};
    spawnOwned({
      command: "sh",
      args: ["-c", "echo $$; exec sleep 600"],
      stdout: (line) => { console.log(line); Deno.exit(); },
    });
  `);
  await waitUntilGone(Number(await owner.line()));
});

Deno.test({ name: "a process that ignores SIGTERM ends too when its owner is killed", ignore }, async () => {
  await using owner = await startProgram(`
    import { spawnOwned } from ${OWNED};
    const args = ["-c", "trap '' TERM; echo $$; while :; do sleep 1; done"];
    spawnOwned({ command: "sh", args, stdout: console.log });
  `);
  const pid = Number(await owner.line());
  await owner.kill();
  await waitUntilGone(pid);
});

Deno.test(
  { name: "Ctrl-C reaches the owner and not the process, unlike a plain child", ignore },
  async () => {
    await using owner = await startProgram(`
    import { spawnOwned } from ${OWNED};
    const owned = spawnOwned({
      command: "sh",
      args: ["-c", "echo $$; exec sleep 600"],
      stdout: console.log,
    });
    const plain = new Deno.Command("sleep", { args: ["600"] }).spawn();
    Deno.addSignalListener("SIGINT", async () => {
      console.log("plain child", (await plain.status).signal);
      await owned.stop();
      console.log("owned", (await owned.status).signal);
      Deno.exit();
    });
  `);
    const pid = Number(await owner.line());
    // What a terminal does: the signal goes to every process of the foreground group.
    await new Deno.Command("sh", { args: ["-c", `kill -INT -${owner.pid}`] }).output();
    assert.equal(await owner.line(), "plain child SIGINT");
    assert.equal(await owner.line(), "owned SIGTERM");
    await waitUntilGone(pid);
  },
);
