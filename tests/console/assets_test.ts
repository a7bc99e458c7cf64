import assert from "node:assert/strict";
import { assetResponse, compressedBytes, pageRoute } from "../../runtime/console/assets.ts";
import { NPM_FILES } from "../../runtime/console/npm_files.ts";
import { PAGES } from "../../runtime/console/pages/files.ts";

const FOLDER = new URL("../../runtime/console/pages/", import.meta.url);
const ASSET = "http://127.0.0.1/console/assets/";

Deno.test("PAGES lists every file of runtime/console/pages/", async () => {
  const files = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);
  assert.deepEqual(Object.keys(PAGES).sort(), files.filter((name) => name !== "files.ts").sort());
});

Deno.test("assetResponse serves modules that import only files that it serves, by their paths", async () => {
  const names = [...Object.keys(PAGES), ...Object.keys(NPM_FILES)].filter((name) => name.endsWith(".js"));
  for (const name of names) {
    const source = await assetResponse(new Request(ASSET + name), name).text();
    for (const [, specifier] of source.matchAll(/(?:\bfrom ?|\bimport ?\(?)"([^"]+)"/g)) {
      assert.match(specifier, /^\.\.?\//, `${name} imports ${specifier}`);
      const path = new URL(specifier, ASSET + name).pathname.slice("/console/assets/".length);
      assert.equal(assetResponse(new Request(ASSET + path), path).status, 200);
    }
    assert.doesNotMatch(source, /\/\/# sourceMappingURL/, name);
  }
});

Deno.test("pageRoute answers with a page that asks for files that it serves, and for one style", async () => {
  const page = await pageRoute(new Request("http://127.0.0.1/")).text();
  const paths = [...page.matchAll(/"\/console\/assets\/([^"]+)"/g)].map(([, path]) => path);
  for (const path of paths) assert.equal(assetResponse(new Request(ASSET + path), path).status, 200, path);
  assert.deepEqual(paths.filter((path) => path.endsWith(".css")).map((path) => path.split("/")[1]), ["style.css"]);
});

Deno.test("compressedBytes of all pages and packages together are 150 kB at most", () => {
  assert.ok(compressedBytes() <= 150_000, `${compressedBytes()} bytes`);
});
