import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { ModuleGraph } from "../../runtime/dev/module_graph.ts";
import { temporaryDirectory } from "../support/temporary.ts";

Deno.test("ModuleGraph has what the modules import, and not the types file, which dev itself writes", async () => {
  await using folder = await temporaryDirectory();
  const files = {
    "deno.json": JSON.stringify({ compilerOptions: { types: ["./schemas/_types.d.ts"] } }),
    "functions/ship.ts": 'import "../shared/prices.ts";',
    "schemas/orders.ts": "export {};",
    "schemas/_types.d.ts": "export {};",
    "shared/prices.ts": "export {};",
  };
  for (const name of ["functions", "schemas", "shared"]) await Deno.mkdir(`${folder.path}/${name}`);
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder.path}/${name}`, text);
  const graph = new ModuleGraph(pathToFileURL(`${folder.path}/`), ["functions", "schemas"]);
  await graph.refresh();
  assert.deepEqual([...graph.files].sort(), ["functions/ship.ts", "schemas/orders.ts", "shared/prices.ts"]);
});
