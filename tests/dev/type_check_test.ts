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

Deno.test("what is saved while the first check runs waits for nothing, and is in what the first check finds", async () => {
  await using world = await setup({ "a.ts": "export const a: number = 1;\n" });
  const first = world.types.begin(["a.ts"]);
  await world.write("a.ts", `export const a: number = "1";\n`);
  await world.write("b.ts", `export const b: number = "2";\n`);
  assert.deepEqual(await world.types.changed(["a.ts", "b.ts"]), []);
  assert.deepEqual((await first)!.map(({ file }) => file), ["a.ts", "b.ts"]);
});

Deno.test("in a project without files the first that come are what the first check is of", async () => {
  await using world = await setup({});
  const first = world.types.begin([]);
  await world.write("a.ts", `export const a: number = "1";\n`);
  assert.deepEqual(await world.types.changed(["a.ts"]), []);
  assert.equal((await first)!.length, 1);
});

Deno.test("JSON that is imported, and the imports of deno.json, are read again when they change", async () => {
  await using world = await setup({
    "data.json": `{ "a": 1 }`,
    "one.ts": "export const one: number = 1;\n",
    "a.ts": `import data from "./data.json" with { type: "json" };\nexport const a: number = data.a;\n`,
    "b.ts": `import { one } from "alias";\nexport const b: number = one;\n`,
  });
  await world.write("deno.json", `{ "imports": { "alias": "./one.ts" } }`);
  await world.write("two.ts", `export const one: string = "1";\n`);
  assert.deepEqual(await world.types.begin(["a.ts", "b.ts", "one.ts", "two.ts"]), []);
  await world.write("data.json", `{ "a": "x" }`);
  assert.deepEqual((await world.types.changed(["data.json"])).map(({ file }) => file), ["a.ts"]);
  await world.write("data.json", `{ "a": 2 }`);
  await world.write("deno.json", `{ "imports": { "alias": "./two.ts" } }`);
  assert.deepEqual((await world.types.changed(["data.json", "deno.json"])).map(({ file }) => file), ["b.ts"]);
});

Deno.test("a language server that ended is told once, with what to do, and keeps no change waiting", async () => {
  await using world = await setup({ "a.ts": "export const a: number = 1;\n" });
  assert.deepEqual(await world.types.begin(["a.ts"]), []);
  const server = await languageServer();
  Deno.kill(server, "SIGKILL");
  while (await languageServer().then(() => true, () => false)); // until it is gone
  await world.write("a.ts", `export const a: number = "1";\n`);
  const fromMs = performance.now();
  for (let i = 0; i < 2; i++) assert.deepEqual(await world.types.changed(["a.ts"]), []);
  assert.ok(performance.now() - fromMs < 5_000);
  assert.deepEqual(world.unavailable, [
    "types are not checked any more: the language server ended; start `dev` again, or run `deno check`",
  ]);
});

/** The one that runs; tests of a file come one after another. */
async function languageServer(): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", String(Deno.pid)] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(" lsp --quiet"));
  assert.equal(lines.length, 1);
  return Number(/\d+/.exec(lines[0])![0]);
}
