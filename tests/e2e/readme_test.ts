import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { calledIn } from "../support/called_in.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyFolder } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { type Program, startDeno } from "../support/weir_process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Returns the commands of the README's shell blocks, one a line, without comments. */
async function commandsOfReadme(): Promise<string[]> {
  const text = await Deno.readTextFile(`${ROOT}README.md`);
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, code]) => code.replace(/\\\n\s*/g, "").split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line !== "");
}

/** Copies what a clone holds of Weir and its example, so that a test may add files to it. */
async function copyClone(path: string): Promise<void> {
  await Deno.mkdir(path);
  for (const file of ["deno.json", "deno.lock"]) await Deno.copyFile(ROOT + file, `${path}/${file}`);
  for (const folder of ["runtime", "functions", "schemas"]) await copyFolder(ROOT + folder, `${path}/${folder}`);
  await Deno.mkdir(`${path}/tests`);
}

Deno.test("README.md shows commands that work, in its order, beside a running dev", async () => {
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/weir`;
  await copyClone(path);
  const ports = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  // `deno test` below checks the types.
  await using dev = startDeno(path, ["task", "dev", "--no-check"], { ...ports, LOG_LEVEL: "info" }, { ownGroup: true });
  await using _ = { [Symbol.asyncDispose]: async () => void (dev.interrupt(), await dev.status) };
  await dev.waitForLine(/^Weir is up in/);
  const here = (command: string) =>
    command.replace("127.0.0.1:8000", `127.0.0.1:${ports.PORT}`).replace(
      "127.0.0.1:7071",
      `127.0.0.1:${ports.PAYMENT_CONTROL_PORT}`,
    );
  await using stack = new AsyncDisposableStack();
  let tail: Program | undefined;
  const ran: string[] = [];
  for (const command of await commandsOfReadme()) {
    if (command.startsWith("npx ") || command.startsWith("cd ")) continue; // this test itself, and tests/e2e/init_test.ts
    if (command.endsWith("events tail")) {
      tail = stack.use(startDeno(path, ["run", "-A", "weir/cli", "events", "tail"], {}));
      continue;
    }
    const text = await run(here(command), path);
    if (command.startsWith("curl -i")) assert.match(text, /^HTTP\/1\.1 202 /);
    ran.push(command);
  }
  assert.ok(ran.length >= 8, `only ${ran.length} commands were run`);
  const publish = ran.find((command) => command.includes("task publish"))!;
  await eventually(async () => { // the tail shows what is published once it has connected
    await run(publish, path);
    return tail!.lines.some((line) => /reserveInventory .*ack/.test(line));
  });
});

/** Runs a command of the README in a shell. Returns its output. */
async function run(command: string, cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", command],
    cwd,
    env: { ...calledIn(cwd), PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}` },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, `${command}\n${text}`);
  return text;
}
