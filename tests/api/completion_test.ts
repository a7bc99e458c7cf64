import assert from "node:assert/strict";
import { EVENT_TYPES_FILE, eventTypes, writeEventTypes } from "../../runtime/cli/event_types.ts";
import { listModules } from "../../runtime/project/load_project.ts";
import { copyProject } from "../e2e/program.ts";
import { Editor } from "./editor.ts";

const ROOT = new URL("../../", import.meta.url);
const ORDERS = ["orders.confirmed", "orders.created", "orders.rejected"];
const typed = (on: string) => `
import { defineFunction } from "weir";
import { OrderCreated } from "../schemas/orders.ts";
void OrderCreated;
export default defineFunction({ on: ${on}, timeout: "5s" }, (event) => void event.data.total.nothing);
`;

Deno.test("schemas/_types.d.ts is up to date: else run `deno task types`", async () => {
  const written = await Deno.readTextFile(new URL(EVENT_TYPES_FILE, ROOT));
  const wanted = eventTypes(await listModules(new URL("schemas/", ROOT)));
  assert.equal(written, wanted, `${EVENT_TYPES_FILE} is not what schemas/ makes of it: run \`deno task types\``);
});

Deno.test("defineFunction completes event types in an editor, and types the data", async () => {
  await using editor = await Editor.open(ROOT);
  for (const on of ['"orders.|"', '"|"', '["stock.reserved", "orders.|"]', '[OrderCreated, "|"]']) {
    const offered = await editor.complete("functions/_completed.ts", typed(on));
    assert.deepEqual(offered.filter((label) => /^orders\../.test(label)).sort(), ORDERS, on);
  }
  for (
    const [on, message] of [
      ['"orders.created"', "Property 'nothing' does not exist on type 'number'."],
      ['"orders.>"', "'event.data' is of type 'unknown'."],
    ]
  ) {
    assert.deepEqual(await editor.errors("functions/_diagnosed.ts", typed(on)), [{ line: 5, message }]);
  }
});

Deno.test("types writes the list only if files come or go; an outdated list only completes less, a missing one is named", async () => {
  await using project = await copyProject();
  const root = new URL(`file://${project.path}/`);
  assert.equal(await writeEventTypes(root), false);
  await Deno.writeTextFile(`${project.path}/schemas/_helper.ts`, "export const nothing = 1;");
  await Deno.remove(`${project.path}/schemas/payments.ts`);
  await Deno.remove(`${project.path}/functions`, { recursive: true });
  await Deno.mkdir(`${project.path}/functions`);
  await Deno.writeTextFile(
    `${project.path}/functions/some.ts`,
    `
import { defineFunction } from "weir";
export const known = defineFunction({ on: "stock.reserved" }, (event) => event.data.total * 2);
export const gone = defineFunction({ on: ["legacy.>", "payments.captured"] }, (event) => event.data);
`,
  );
  assert.deepEqual(await check(project.path), "", "a list with a file that is gone");
  assert.equal(await writeEventTypes(root), true);
  assert.equal(await writeEventTypes(root), false);
  assert.doesNotMatch(await Deno.readTextFile(`${project.path}/${EVENT_TYPES_FILE}`), /payments|_helper/);
  assert.deepEqual(await check(project.path), "", "a list of the files that are there");
  await Deno.remove(`${project.path}/${EVENT_TYPES_FILE}`);
  assert.match(
    await check(project.path),
    /^TS2307 \[ERROR\]: Cannot find module 'file:.*schemas\/_types\.d\.ts'\.[^]*TS18046 [^]*some\.ts:3:\d+\n/,
  );
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(`${project.path}/schemas`), ({ name }) => name).then((names) => names.sort()),
    ["_helper.ts", "orders.ts", "stock.ts"],
  );
  assert.equal(await writeEventTypes(root), true);
  assert.deepEqual(await check(project.path), "", "a list that is written again");
});

async function check(project: string): Promise<string> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "functions/some.ts"],
    cwd: project,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  return success ? "" : text.split("\nerror: ")[0];
}
