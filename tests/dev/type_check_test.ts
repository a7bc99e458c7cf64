import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { eventually } from "../support/eventually.ts";
import { commandLinesWith } from "../support/processes.ts";
import { TypeCheck } from "../../runtime/dev/type_check.ts";

/** Creates a project with some files, and a check of its `functions/`. */
async function setup(files: Record<string, string>) {
  const folder = await Deno.makeTempDir({ prefix: "weir-types-" });
  const types = new TypeCheck(pathToFileURL(`${folder}/`), ["functions"]);
  const write = (file: string, text: string) => Deno.writeTextFile(`${folder}/${file}`, text);
  await Deno.mkdir(`${folder}/functions`);
  await write("deno.json", "{}");
  for (const [file, text] of Object.entries(files)) await write(file, text);
  return {
    types,
    write,
    remove: (file: string) => Deno.remove(`${folder}/${file}`),
    /** Returns the number of running checks, whose command lines name the project. */
    running: async () => {
      const lines = await commandLinesWith(folder);
      return lines.filter((line) => !line.startsWith("sh ") && !line.includes("/sh ")).length;
    },
    [Symbol.asyncDispose]: async () => {
      await types.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("TypeCheck finds a type error in a file that did not change, until it is corrected", async () => {
  await using project = await setup({
    "functions/a.ts": "export const a: number = 1;\n",
    "functions/b.ts": `import { a } from "./a.ts";\nexport const b: number = a;\n`,
  });
  assert.equal(await project.types.check(), "");
  await project.write("functions/a.ts", `export const a: string = "1";\n`);
  const wrong = `TS2322 [ERROR]: Type 'string' is not assignable to type 'number'.
export const b: number = a;
             ^
    at functions/b.ts:2:14`;
  assert.equal(await project.types.check(), wrong);
  await project.write("functions/c.ts", "export const c = 1;\n");
  assert.equal(await project.types.check(), wrong);
  await project.remove("functions/b.ts");
  assert.equal(await project.types.check(), "");
});

Deno.test("TypeCheck finds a syntax error in a file that is not loaded", async () => {
  await using project = await setup({ "functions/_a.ts": "export const a = {\n" });
  assert.match(await project.types.check() ?? "", /Unexpected token `<eof>`[^]*functions\/_a\.ts:1:/);
});

Deno.test("TypeCheck reads the project's deno.json at each check", async () => {
  await using project = await setup({
    "one.ts": "export const one: number = 1;\n",
    "two.ts": `export const one: string = "1";\n`,
    "functions/b.ts": `import { one } from "alias";\nexport const b: number = one;\n`,
    "deno.json": `{ "imports": { "alias": "./one.ts" } }`,
  });
  assert.equal(await project.types.check(), "");
  await project.write("deno.json", `{ "imports": { "alias": "./two.ts" } }`);
  assert.match(await project.types.check() ?? "", /at functions\/b\.ts:2:14$/m);
  await project.write("deno.json", `{ "compilerOptions": { "strict": false }, "imports": { "alias": "./one.ts" } }`);
  await project.write("functions/b.ts", "export const b: number = null;\n");
  assert.equal(await project.types.check(), "");
});

Deno.test("TypeCheck starts no process in a project without files", async () => {
  await using project = await setup({ "deno.json": "{" }); // a check would fail
  assert.equal(await project.types.check(), "");
});

Deno.test("TypeCheck rejects with the reason when deno check fails", async () => {
  await using project = await setup({ "functions/a.ts": "export const a = 1;\n", "deno.json": "{" });
  await assert.rejects(project.types.check(), /^Error: deno check: error: .*deno\.json/);
});

Deno.test("TypeCheck ends a check for a later one, runs one process at most, and none after stop", async () => {
  await using project = await setup({ "functions/a.ts": `export const a: number = "1";\n` });
  const first = project.types.check();
  await eventually(async () => await project.running() > 0);
  const second = project.types.check(), third = project.types.check();
  assert.deepEqual([await first, await second], [undefined, undefined]);
  let most = 0, ended = false;
  void third.then(() => ended = true);
  while (!ended) most = Math.max(most, await project.running());
  assert.equal(most, 1);
  assert.match(await third ?? "", /functions\/a\.ts:1:14/);
  await project.write("functions/a.ts", `export const a: string = 1;\n`);
  const last = project.types.check();
  await eventually(async () => await project.running() > 0);
  await project.types.stop();
  assert.equal(await project.running(), 0);
  assert.equal(await last, undefined);
});
