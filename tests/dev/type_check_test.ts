import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { importersOf, TypeCheck } from "../../runtime/dev/type_check.ts";

const TEXTS = new Map([
  ["schemas/orders.ts", ""],
  ["schemas/stock.ts", `import { Order } from "./orders.ts";`],
  ["functions/reserve.ts", `import { Stock } from '../schemas/stock.ts';`],
  ["functions/lazy.ts", `const late = await import("../schemas/stock.ts");`],
  ["functions/alone.ts", `import { z } from "zod";`],
]);

for (
  const [changed, affected] of [
    [["schemas/orders.ts"], ["functions/lazy.ts", "functions/reserve.ts", "schemas/orders.ts", "schemas/stock.ts"]],
    [["functions/reserve.ts"], ["functions/reserve.ts"]],
    [["functions/alone.ts", "functions/gone.ts"], ["functions/alone.ts"]],
  ]
) {
  Deno.test(`a change of ${changed.join(" and ")} may matter to ${affected.join(", ")}`, () => {
    assert.deepEqual([...importersOf(changed, TEXTS)].sort(), affected);
  });
}

async function setup(files: Record<string, string>) {
  const folder = await Deno.makeTempDir({ prefix: "weir-types-" });
  const unavailable: string[] = [], types = new TypeCheck(pathToFileURL(`${folder}/`), (why) => unavailable.push(why));
  const write = (file: string, text: string) => Deno.writeTextFile(`${folder}/${file}`, text);
  await write("deno.json", "{}");
  for (const [file, text] of Object.entries(files)) await write(file, text);
  return {
    folder,
    types,
    unavailable,
    write,
    [Symbol.asyncDispose]: async () => {
      await types.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a type error is found with its place, in the file that changed and in those that import it", async () => {
  await using world = await setup({
    "a.ts": "export const a: number = 1;\n",
    "b.ts": `import { a } from "./a.ts";\nexport const b: number = a;\n`,
  });
  assert.deepEqual(await world.types.begin(["a.ts", "b.ts"]), []);
  await world.write("a.ts", `export const a: string = "1";\n`);
  assert.deepEqual(await world.types.changed(["a.ts"]), [
    { file: "b.ts", line: 2, column: 14, message: "Type 'string' is not assignable to type 'number'." },
  ]);
  await world.write("c.ts", "export const c = 1;\n");
  assert.equal((await world.types.changed(["c.ts"])).length, 1, "what is still wrong is told again");
  await world.write("b.ts", `import { a } from "./a.ts";\nexport const b: string = a;\n`);
  assert.deepEqual(await world.types.changed(["b.ts"]), []);
  await Deno.remove(`${world.folder}/b.ts`);
  assert.deepEqual(await world.types.changed(["b.ts"]), []);
  assert.deepEqual(world.unavailable, []);
});

Deno.test("before it has begun nothing is wrong", async () => {
  await using world = await setup({ "a.ts": `export const a: number = "1";\n` });
  assert.deepEqual(await world.types.changed(["a.ts"]), []);
});
