import assert from "node:assert/strict";
import { EVENT_TYPES_FILE, writeEventTypes } from "../../runtime/project/event_types.ts";
import { copyProject } from "../support/project.ts";
import { typeCheck } from "../support/type_check.ts";
import { Editor } from "./editor.ts";

const ORDERS = ["orders.confirmed", "orders.created", "orders.rejected"];
const typed = (on: string) => `
import { defineFunction } from "weir";
import { OrderCreated } from "../schemas/orders.ts";
void OrderCreated;
export default defineFunction({ on: ${on}, timeout: "5s" }, (event) => void event.data.total.nothing);
`;

Deno.test("defineFunction completes event types in an editor, and types the data", async () => {
  await using project = await copyProject();
  await using editor = await Editor.open(new URL(`file://${project.path}/`));
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
  assert.deepEqual(await typeCheck(project.path, "functions/some.ts"), "", "a list with a file that is gone");
  assert.equal(await writeEventTypes(root), true);
  assert.equal(await writeEventTypes(root), false);
  const list = await Deno.readTextFile(`${project.path}/${EVENT_TYPES_FILE}`);
  assert.doesNotMatch(list, /payments|_helper/);
  assert.deepEqual(await typeCheck(project.path, "functions/some.ts"), "", "a list of the files that are there");
  await Deno.remove(`${project.path}/${EVENT_TYPES_FILE}`);
  assert.match(
    await typeCheck(project.path, "functions/some.ts"),
    /^TS2307 \[ERROR\]: Cannot find module 'file:.*schemas\/_types\.d\.ts'\.[^]*TS18046 [^]*some\.ts:3:\d+\n/,
  );
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(`${project.path}/schemas`), ({ name }) => name).then((names) => names.sort()),
    ["_helper.ts", "orders.ts", "stock.ts"],
  );
  assert.equal(await writeEventTypes(root), true);
  assert.equal(await Deno.readTextFile(`${project.path}/${EVENT_TYPES_FILE}`), list, "a list that is written again");
});
