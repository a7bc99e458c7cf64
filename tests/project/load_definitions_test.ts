import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { loadProject } from "../../runtime/project/load_project.ts";
import type { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const WEIR = import.meta.resolve("../../runtime/mod.ts"), ZOD = import.meta.resolve("zod");

const fn = (imports: string, options = "") => `
import { defineFunction } from "${WEIR}";
${imports}
export default defineFunction({ on: "demo.asked"${options} }, () => {});
`;
const resource = (name: string) => `
import { defineResource } from "${WEIR}";
export const ${name} = defineResource({ name: "${name}", open: () => "${name}" });
`;

/** Loads a project with these files. Returns its resources and its variables, each with the functions it belongs to. */
async function load(files: Record<string, string>) {
  await using folder = await temporaryDirectory();
  for (const [file, text] of Object.entries(files)) {
    await Deno.mkdir(`${folder.path}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder.path}/${file}`, text);
  }
  const { resources, configs } = await loadProject(pathToFileURL(`${folder.path}/`));
  return {
    resources: Object.fromEntries(resources.map(({ name, file, functions }) => [name, { file, functions }])),
    variables: Object.fromEntries(
      configs.flatMap(({ variables, functions }) => variables.map(({ name }) => [name, functions])),
    ),
  };
}

Deno.test("loadProject gives a resource to the functions whose files export, import or need it", async () => {
  const { resources } = await load({
    "functions/_db.ts": resource("db"),
    "functions/_orders.ts": 'export { db as orders } from "./_db.ts";',
    "lib/cache.ts": resource("cache"),
    "functions/direct.ts": fn('import { db } from "./_db.ts"; void db;'),
    "functions/indirect.ts": fn('import { orders } from "./_orders.ts"; import "../lib/cache.ts"; void orders;'),
    "functions/types.ts": fn('import type { db } from "./_db.ts"; export type Db = typeof db;'),
    "functions/own.ts": fn(resource("own").split("\n")[2].replace("defineResource", "define")).replace(
      "import { defineFunction }",
      "import { defineFunction, defineResource as define }",
    ),
    "functions/late.ts": fn('const load = () => import("../lib/cache.ts"); void load;'),
  });
  assert.deepEqual(resources, {
    db: { file: "functions/_db.ts", functions: ["direct", "indirect"] },
    cache: { file: "lib/cache.ts", functions: ["indirect", "late"] },
    own: { file: "functions/own.ts", functions: ["own"] },
  });
});

Deno.test("loadProject gives what a helper declares and no function imports to every function", async () => {
  const config = `
import { defineConfig } from "${WEIR}";
import { z } from "${ZOD}";
export const config = defineConfig(z.object({ REGION: z.string() }));
`;
  const project = await load({
    "functions/_hooks.ts": resource("hooks"),
    "functions/_config.ts": config,
    "functions/_other.ts": "throw new Error('a helper that declares nothing is not loaded');",
    "functions/a.ts": fn(""),
    "functions/b.ts": fn('import "./_config.ts";'),
  });
  assert.deepEqual(project.resources, { hooks: { file: "functions/_hooks.ts", functions: ["a", "b"] } });
  assert.deepEqual(project.variables, { REGION: ["b"] });
});

Deno.test("loadProject names a helper that cannot be loaded, once", async () => {
  const files = { "functions/_db.ts": `${resource("db")}throw new Error("no");`, "functions/a.ts": fn("") };
  await assert.rejects(load(files), (error: StartupProblems) => {
    assert.deepEqual(error.problems, ["functions/_db.ts:4:7: it throws when it is loaded: Error: no"]);
    return true;
  });
});

const variables = (...fields: string[]) => `
import { defineConfig } from "${WEIR}";
import { z } from "${ZOD}";
${fields.map((field, at) => `export const config${at} = defineConfig(z.object({ ${field} }));`).join("\n")}
`;

for (
  const [what, first, second, difference] of [
    ["another type", "z.url()", "z.coerce.number()", "string (uri) there, number here"],
    ["another default", 'z.string().default("a")', 'z.string().default("b")', 'default "a" there, default "b" here'],
    ["no default", 'z.string().default("a")', "z.string()", 'default "a" there, no default here'],
    ["no secrecy", "z.string().meta({ secret: true })", "z.string()", "secret there alone"],
    ["no need of it", "z.string().optional()", "z.string()", "required here alone"],
    ["other checks", "z.string()", "z.string().min(3)", "other checks or another default"],
    ...(["a", "b"] as const).map((value) => [
      `${value === "b" ? "another" : "the same"} secret default`,
      'z.string().meta({ secret: true }).default("a")',
      `z.string().meta({ secret: true }).default("${value}")`,
      value === "b" ? "other checks or another default" : undefined,
    ]),
    ["other words", 'z.string().describe("host of the shop")', 'z.string().describe("host")', undefined],
  ] as const
) {
  Deno.test(`loadProject ${difference ? "refuses" : "takes"} a variable that two files declare with ${what}`, async () => {
    const loaded = load({
      "functions/_a.ts": variables(`HOST_NAME: ${first}`),
      "functions/_b.ts": variables(`HOST_NAME: ${second}`),
      "functions/f.ts": fn(""),
    });
    if (!difference) return void assert.deepEqual((await loaded).variables, { HOST_NAME: ["f"] });
    await assert.rejects(loaded, (error: StartupProblems) => {
      assert.deepEqual(error.problems, [
        `functions/_b.ts: defineConfig: HOST_NAME is declared in functions/_a.ts as well, and differs: ${difference}: ` +
        "declare it once and import that, or make both the same",
      ]);
      return true;
    });
  });
}

Deno.test("loadProject names a file that declares a variable twice", async () => {
  const files = { "functions/_a.ts": variables("A: z.string()", "A: z.coerce.number()"), "functions/f.ts": fn("") };
  await assert.rejects(load(files), (error: StartupProblems) => {
    assert.match(
      error.problems.join(),
      /^functions\/_a\.ts: defineConfig: A is declared in another defineConfig of this/,
    );
    return true;
  });
});
