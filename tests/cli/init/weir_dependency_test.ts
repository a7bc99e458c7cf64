import assert from "node:assert/strict";
import { weirDependency } from "../../../runtime/cli/init/weir_dependency.ts";

Deno.test("weirDependency encodes the link to a folder as Deno reads it: as a part of a URL", async () => {
  const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "weir-init-" }));
  try {
    await Deno.mkdir(`${base}/my weir #1 %41?`);
    await Deno.writeTextFile(`${base}/my weir #1 %41?/deno.json`, '{"name":"@weir/runtime"}');
    const found = await weirDependency("my weir #1 %41?", base, `${base}/shop`);
    assert.deepEqual(found, { kind: "folder", link: "../my weir %231 %2541%3F" });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
