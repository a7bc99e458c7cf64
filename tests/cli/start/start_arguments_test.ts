import assert from "node:assert/strict";
import { argumentsOf, startArguments, workerArguments } from "../../../runtime/cli/start/start_arguments.ts";

const DENO = "/opt/my tools/deno";

Deno.test("argumentsOf replaces the path of Deno, which may contain a space", () => {
  const command = `deno run --allow-net "--allow-run=$(deno eval -p 'Deno.execPath()'),cat" weir/cli start`;
  assert.deepEqual(argumentsOf(command, DENO), [
    "run",
    "--allow-net",
    `--allow-run=${DENO},cat`,
    "weir/cli",
    "start",
  ]);
});

Deno.test("startArguments may run this Deno and no other program", async () => {
  const runs = (await startArguments()).filter((argument) => argument.startsWith("--allow-run"));
  assert.deepEqual(runs, [`--allow-run=${Deno.execPath()}`]);
});

const workers: [what: string, start: string[], worker: string[]][] = [
  ["may not run Deno", ["--allow-net", `--allow-run=${DENO}`], ["--allow-net"]],
  ["may not run Deno by its name", ["--allow-run=deno"], []],
  ["may run other programs that are named", [`--allow-run=cat,${DENO},ls`], ["--allow-run=cat,ls"]],
  ["may run every program if `start` may", ["--allow-run"], ["--allow-run"]],
];
for (const [what, start, worker] of workers) {
  Deno.test(`workerArguments: a worker ${what}`, () => {
    const given = ["run", ...start, "weir/cli", "start"];
    assert.deepEqual(workerArguments(given, 2, DENO), [
      "run",
      "--unstable-net",
      ...worker,
      "weir/cli",
      "worker",
      "2",
    ]);
  });
}

Deno.test("workerArguments sizes the heap, unless the task does", () => {
  const sized = (...flags: string[]) => workerArguments(["run", ...flags, "weir/cli", "start"], 2, DENO, true, 133);
  assert.ok(sized().includes("--v8-flags=--max-old-space-size=133"));
  assert.deepEqual(sized("--v8-flags=--max-old-space-size=64").filter((flag) => flag.startsWith("--v8")), [
    "--v8-flags=--max-old-space-size=64",
  ]);
  assert.deepEqual(sized("--v8-flags=--max-semi-space-size=8").filter((flag) => flag.startsWith("--v8")), [
    "--v8-flags=--max-semi-space-size=8,--max-old-space-size=133",
  ]);
});

Deno.test("workerArguments passes --no-apply on", () => {
  const given = ["run", "weir/cli", "start"];
  assert.deepEqual(workerArguments(given, 2, DENO, false).slice(-3), ["worker", "2", "--no-apply"]);
});

for (const command of ["", "deno task start:all", "deno run -A weir/cli start --now"]) {
  Deno.test(`workerArguments refuses "${command}" as the task start, and names what it needs`, () => {
    assert.throws(() => workerArguments(argumentsOf(command, DENO), 1, DENO), /the task "start" in deno\.json to be/);
  });
}

Deno.test("startArguments grants the permissions that deploy/Dockerfile grants", async () => {
  const file = await Deno.readTextFile(new URL("../../../deploy/Dockerfile", import.meta.url));
  const granted = [...file.matchAll(/"(--allow-[^"]+)"/g)].map(([, flag]) => flag);
  const expected = (await startArguments()).filter((argument) => argument.startsWith("--allow-"));
  assert.deepEqual(granted, expected.map((flag) => flag.replace(Deno.execPath(), "deno")));
});
