import assert from "node:assert/strict";
import { argumentsOf, startArguments, workerArguments } from "../../../runtime/cli/start/start_arguments.ts";

const DENO = "/opt/my tools/deno";

Deno.test("the task's own Deno is that which runs, though its path has a space", () => {
  const command = `deno run --allow-net "--allow-run=$(deno eval -p 'Deno.execPath()'),cat" weir/cli start`;
  assert.deepEqual(argumentsOf(command, DENO), [
    "run",
    "--allow-net",
    `--allow-run=${DENO},cat`,
    "weir/cli",
    "start",
  ]);
});

Deno.test("the task start of this project may start this Deno, and nothing else", async () => {
  const runs = (await startArguments()).filter((argument) => argument.startsWith("--allow-run"));
  assert.deepEqual(runs, [`--allow-run=${Deno.execPath()}`]);
});

const workers: [what: string, start: string[], worker: string[]][] = [
  ["may not start Deno", ["--allow-net", `--allow-run=${DENO}`], ["--allow-net"]],
  ["may not start Deno by its name", ["--allow-run=deno"], []],
  ["may start what else is named", [`--allow-run=cat,${DENO},ls`], ["--allow-run=cat,ls"]],
  ["may start everything, where that is granted", ["--allow-run"], ["--allow-run"]],
];
for (const [what, start, worker] of workers) {
  Deno.test(`a worker ${what}`, () => {
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

Deno.test("a worker of a start that may change nothing may not either", () => {
  const given = ["run", "weir/cli", "start"];
  assert.deepEqual(workerArguments(given, 2, DENO, false).slice(-3), ["worker", "2", "--no-apply"]);
});

for (const command of ["", "deno task start:all", "deno run -A weir/cli start --now"]) {
  Deno.test(`a task start that is "${command}" cannot be run as a worker, and what is wanted is said`, () => {
    assert.throws(() => workerArguments(argumentsOf(command, DENO), 1, DENO), /the task "start" in deno\.json to be/);
  });
}

Deno.test("the image grants what the task start grants, by the name that Deno has there", async () => {
  const file = await Deno.readTextFile(new URL("../../../deploy/Dockerfile", import.meta.url));
  const granted = [...file.matchAll(/"(--allow-[^"]+)"/g)].map(([, flag]) => flag);
  const wanted = (await startArguments()).filter((argument) => argument.startsWith("--allow-"));
  assert.deepEqual(granted, wanted.map((flag) => flag.replace(Deno.execPath(), "deno")));
});
