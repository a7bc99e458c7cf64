import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readDenoJson } from "../../runtime/project/deno_json.ts";

async function read(text: string) {
  const folder = await Deno.makeTempDir({ prefix: "weir-deno-json-" });
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, text);
    return await readDenoJson(pathToFileURL(`${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
