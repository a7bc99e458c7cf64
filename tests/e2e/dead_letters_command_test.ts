import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("dead-letters acts on the selected dead letters and reports the others", async (t) => {
  await using project = await copyProject();
  const fails = defineFunction({ on: Asked }, ({ data }) => {
    throw new NonRetryableError(`no ${data.n}`);
  });
  await using runtime = await startTestRuntime({ functions: { fails } });
  for (const n of [1, 2, 3]) await runtime.publish(Asked, { n });
  const letters = async () => await (await fetch(`${runtime.adminUrl}/dead-letters`)).json() as { sequence: number }[];
  await eventually(async () => (await letters()).length === 3);
  await using commands = await startCommands(project.path, runtime.server.url);
  const weir = (...args: string[]) => commands("dead-letters", ...args);

  await t.step("a dry run shows only the named dead letters, and which are missing", async () => {
    const { code, text } = await weir("discard", "2", "77", "--dry-run");
    assert.equal(code, 1);
    assert.match(text, /no 2$/m);
    assert.doesNotMatch(text, /no [13]$/m);
    assert.match(text, /dry run: nothing was changed/);
    assert.match(text, /there is no dead letter 77/);
    assert.equal((await letters()).length, 3);
  });

  await t.step("sequences and options together are refused: options would be ignored", async () => {
    for (const options of [["--function", "nope"], ["--all"], ["--limit", "1"]]) {
      const { code, text } = await weir("discard", "1", ...options);
      assert.equal(code, 64);
      assert.match(text, /name sequences or select by options, not both/);
    }
    assert.equal((await letters()).length, 3);
  });

  await t.step("an unknown reason is refused with the known ones", async () => {
    const { code, text } = await weir("list", "--reason", "attempt-exhausted");
    assert.equal(code, 64);
    assert.match(text, /Allowed choices are attempts-exhausted, rejected, invalid, expired, crashed/);
    assert.match(text, /did you mean "attempts-exhausted"\?/);
  });

  await t.step("a missing dead letter is reported by its sequence", async () => {
    const { code, text } = await weir("discard", "1", "99", "98", "1");
    assert.equal(code, 1);
    assert.match(text, /1 discarded, 2 missing/);
    assert.match(text, /there is no dead letter 99, 98/);
    assert.deepEqual((await letters()).map(({ sequence }) => sequence), [2, 3]);
    for (const action of ["redrive", "discard"]) {
      assert.deepEqual(await weir(action, "99"), { code: 1, text: "weir: there is no dead letter 99" });
    }
  });
});
