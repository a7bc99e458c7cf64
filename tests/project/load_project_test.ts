import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { projectAt } from "../../runtime/project/load_project.ts";
import { isOwnModule, WEIR_ROOT } from "../../runtime/core/own_modules.ts";
import { thrownAt } from "../../runtime/telemetry/observer.ts";

Deno.test("projectAt finds the folder of the nearest deno.json, from a folder in it as well", async () => {
  const path = await Deno.makeTempDir({ prefix: "weir-project-" });
  try {
    await Deno.mkdir(`${path}/shop/functions/_dev`, { recursive: true });
    assert.equal(projectAt(`${path}/shop`).href, pathToFileURL(`${path}/shop/`).href, "none: the folder itself");
    for (const folder of [path, `${path}/shop`]) await Deno.writeTextFile(`${folder}/deno.json`, "{}");
    for (const folder of ["shop", "shop/functions", "shop/functions/_dev"]) {
      assert.equal(projectAt(`${path}/${folder}`).href, pathToFileURL(`${path}/shop/`).href, folder);
    }
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("projectAt finds a project with deno.jsonc below another project, as Deno does", async () => {
  const path = await Deno.makeTempDir({ prefix: "weir-project-" });
  try {
    await Deno.mkdir(`${path}/shop/functions`, { recursive: true });
    await Deno.writeTextFile(`${path}/deno.json`, "{}");
    await Deno.writeTextFile(`${path}/shop/deno.jsonc`, "{}");
    assert.equal(projectAt(`${path}/shop/functions`).href, pathToFileURL(`${path}/shop/`).href);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("WEIR_ROOT is the folder of Weir's deno.json", async () => {
  const { name } = JSON.parse(await Deno.readTextFile(new URL("deno.json", WEIR_ROOT)));
  assert.equal(name, "@weir/runtime");
});

const OWN = new URL("engine/dispatcher.ts", WEIR_ROOT).href;
for (
  const [what, url, found] of [
    ["a project in a folder called runtime", "file:///srv/runtime/shop/functions/ship.ts", "functions/ship.ts:3:7"],
    ["a project in a folder called npm", "file:///srv/npm/shop/functions/ship.ts", "functions/ship.ts:3:7"],
    ["Weir itself", OWN, undefined],
    ["Weir from a registry", "https://registry.example/@weir/runtime/0.1.0/engine/dispatcher.ts", undefined],
    ["a package in Deno's cache", "file:///root/.cache/deno/npm/registry.example/zod/4.6.7/v4/core.js", undefined],
    ["a scoped one", "file:///root/.cache/deno/npm/registry.example/@a/b/1.0.0-rc.1/index.js", undefined],
    ["a package in node_modules", "file:///srv/shop/node_modules/zod/index.js", undefined],
  ] as const
) {
  Deno.test(`thrownAt ${found ? "names" : "skips"} the frame of ${what}`, () => {
    const stack = (url: string) => `Error: x\n    at f (${url}:3:7)`;
    assert.equal(thrownAt(stack(url)), found);
    assert.equal(thrownAt(`${stack(url)}\n    at file:///a/b/c.ts:1:2`), found ?? "b/c.ts:1:2");
    assert.equal(isOwnModule(url), url === OWN);
  });
}
