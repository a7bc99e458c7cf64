import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readDenoJson } from "../../runtime/project/deno_json.ts";
import { temporaryDirectory } from "../support/temporary.ts";

async function read(text: string) {
  await using folder = await temporaryDirectory();
  await Deno.writeTextFile(`${folder.path}/deno.json`, text);
  return await readDenoJson(pathToFileURL(`${folder.path}/`));
}

Deno.test("readDenoJson reads comments and trailing commas as Deno does", async () => {
  const text = `{ // mine
  "imports": { "a": "https://a.example/x.ts", /* "b": "c", */
    "d": "\\"// ,}", // last
  },
}`;
  assert.deepEqual(await read(text), { imports: { a: "https://a.example/x.ts", d: `"// ,}` } });
});

Deno.test("readDenoJson names the file that it cannot read", async () => {
  await assert.rejects(read(`{ "tasks": `), /^Error: deno\.json cannot be read: /);
});
