import assert from "node:assert/strict";
import { START_OPTIONS, TASKS } from "../runtime/cli/init/deno_json.ts";
import { dockerfile } from "../runtime/cli/init/templates.ts";

const ROOT = new URL("../", import.meta.url);

async function importsOf(file: string): Promise<Record<string, string>> {
  return JSON.parse(await Deno.readTextFile(new URL(file, ROOT))).imports;
}

Deno.test("runtime/deno.json names the same packages as deno.json where both name one", async () => {
  const example = await importsOf("deno.json"), weir = await importsOf("runtime/deno.json");
  const shared = Object.keys(weir).filter((name) => name in example);
  assert.ok(shared.includes("zod"));
  for (const name of shared) assert.equal(example[name], weir[name], name);
});

Deno.test("deno publish --dry-run accepts the package, and its public types are explicit", async () => {
  // The gate checks the types of all modules before its tests. WEIR_PUBLISH_CHECK=1 checks the declarations, too.
  const check = Deno.env.get("WEIR_PUBLISH_CHECK") === "1" ? [] : ["--no-check"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", ...check],
    cwd: new URL("runtime/", ROOT),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  // One dynamic import cannot be analyzed: it loads the project's modules by absolute URL. Neither can the resolution
  // of what they import, which goes by the project's import map on purpose.
  assert.deepEqual(text.match(/^(?:warning|error)\[.*$/gm), [
    "warning[unanalyzable-dynamic-import]: unable to analyze dynamic import",
    "warning[unanalyzable-import-meta-resolve]: unable to analyze import.meta.resolve",
  ]);
});

Deno.test("init writes the tasks of the example", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const [name, [description, command]] of Object.entries(TASKS)) {
    // Most tests of Weir wait for servers and not for a processor.
    const own = name === "test" ? `DENO_JOBS=6 ${command}` : command;
    assert.deepEqual(tasks[name], { description, command: own }, name);
  }
});

for (const weir of [{ kind: "folder", link: "../weir" }, { kind: "version", version: "0.1.0" }] as const) {
  Deno.test(`init with Weir by a ${weir.kind} creates an image that grants what the task start grants`, () => {
    const flags = (text: string) => [...text.matchAll(/--allow-[\w-]+/g)].map(([flag]) => flag);
    const [, entry] = dockerfile("shop", weir).split("ENTRYPOINT");
    assert.deepEqual(flags(entry), flags(TASKS.start[1]));
  });
  Deno.test(`init with Weir by a ${weir.kind} creates an image that is built with the flags of V8 of the start`, () => {
    assertBuiltWithFlags(dockerfile("shop", weir));
  });
}

Deno.test("deploy/Dockerfile builds the image with the flags of V8 of the start", async () => {
  assertBuiltWithFlags(await Deno.readTextFile(new URL("deploy/Dockerfile", ROOT)));
});

Deno.test("init creates an image with the health check of deploy/Dockerfile", async () => {
  const check = (text: string) => /^HEALTHCHECK [^]*?\]"\]$/m.exec(text)![0];
  const own = await Deno.readTextFile(new URL("deploy/Dockerfile", ROOT));
  assert.equal(check(dockerfile("shop", { kind: "version", version: "0.1.0" })), check(own));
});

/** Asserts that both stages name the flags: V8 refuses compiled code that was stored with others. */
function assertBuiltWithFlags(text: string): void {
  const [build, entry] = text.split("ENTRYPOINT");
  for (const option of START_OPTIONS) {
    assert.match(build, new RegExp(`deno run [^;]*${option}[^;]* weir/cli start --help`));
    assert.ok(entry.includes(`"${option}"`), option);
  }
}
