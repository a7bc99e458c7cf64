import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { isSource, watchFiles } from "../../runtime/dev/watch_files.ts";

for (
  const [file, expected] of [
    ["functions/a.ts", true],
    ["functions/_helpers/b.ts", true],
    ["functions/prices.json", true],
    ["schemas/orders.ts", true],
    ["functions/.a.ts.swp", false],
    ["functions/.#a.ts", false],
    ["functions/#a.ts#", false],
    ["functions/a.ts~", false],
    ["functions/a.ts.swx", false],
    ["functions/a.ts.tmp", false],
    ["functions/4913", false],
    ["functions/_helpers", false],
    ["schemas/_types.d.ts", false],
  ] as const
) {
  Deno.test(`isSource ${file} is ${expected}`, () => assert.equal(isSource(file), expected));
}

Deno.test({
  name: "watchFiles joins quick changes into one and ignores temporary files", // watching cannot be stopped
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "weir-watch-" });
    try {
      const root = pathToFileURL(`${folder}/`);
      const changes = await watchFiles(root, ["functions", "schemas"], ["deno.json"]);
      const write = (file: string) => Deno.writeTextFileSync(`${folder}/${file}`, "");
      write("functions/.a.ts.swp");
      write("README.md");
      // In one tick, since a loaded machine may take longer between two of them than a change lasts.
      for (const file of ["functions/a.ts", "schemas/b.ts", "deno.json"]) write(file);
      assert.deepEqual((await changes.next()).files, ["deno.json", "functions/a.ts", "schemas/b.ts"]);
      await Deno.remove(`${folder}/functions/a.ts`);
      assert.deepEqual((await changes.next()).files, ["functions/a.ts"]);
      await Deno.writeTextFile(`${folder}/schemas/c.ts.tmp`, "");
      await Deno.rename(`${folder}/schemas/c.ts.tmp`, `${folder}/schemas/c.ts`); // as many editors save
      assert.deepEqual((await changes.next()).files, ["schemas/c.ts"]);
      await Deno.rename(`${folder}/schemas`, `${folder}/elsewhere`); // as a change of branch may
      assert.deepEqual((await changes.next()).files, ["schemas/"]);
      await Deno.mkdir(`${folder}/schemas`);
      assert.deepEqual((await changes.next()).files, ["schemas/"]);
      write("schemas/d.ts");
      await changes.more;
      assert.deepEqual((await changes.next()).files, ["schemas/d.ts"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
