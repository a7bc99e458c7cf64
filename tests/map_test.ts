import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url), RUNTIME = new URL("runtime/", ROOT);

/** Returns the text of a file, or undefined if there is none. */
async function read(url: URL): Promise<string | undefined> {
  return await Deno.readTextFile(url).catch(() => undefined);
}

Deno.test("runtime/README.md names files and symbols that exist", async () => {
  const page = await Deno.readTextFile(new URL("README.md", RUNTIME)), faults: string[] = [];
  let named = 0;
  for (const line of page.split("\n")) {
    const files: string[] = [];
    for (const [, code] of line.matchAll(/`([^`]+)`/g)) {
      const isPath = /^[a-z_]+(\/[a-z_]+)*(\/|\/[a-z_]+\.(ts|md))$/.test(code) || /^\w+\/[A-Z]+\.md$/.test(code);
      if (isPath && /^(tests|deploy)\//.test(code)) {
        named++;
        if (!await Deno.stat(new URL(code, ROOT)).catch(() => undefined)) faults.push(`${code} does not exist`);
      } else if (isPath) {
        named++;
        const stat = await Deno.stat(new URL(code, RUNTIME)).catch(() => undefined);
        if (!stat) faults.push(`runtime/${code} does not exist`);
        else if (stat.isFile) files.push((await read(new URL(code, RUNTIME)))!);
      } else if (files.length > 0 && /^[A-Za-z]+(\.[a-z]+)?$/.test(code) && /[A-Z]/.test(code)) {
        const missing = code.split(".").filter((name) => !files.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
        if (missing.length > 0 && !/^(NAME|RETRIES|DEAD_LETTERS)$/.test(code)) {
          faults.push(`no ${code} in: ${line.trim()}`);
        }
      }
    }
  }
  assert.ok(named > 40, `only ${named} paths were read`);
  assert.deepEqual(faults, []);
});

Deno.test("runtime/README.md has a line for every folder of the runtime", async () => {
  const page = await Deno.readTextFile(new URL("README.md", RUNTIME));
  for await (const { name, isDirectory } of Deno.readDir(RUNTIME)) {
    if (isDirectory) assert.match(page, new RegExp(`\\| [^|]*\`${name}/`), `runtime/${name}/ has no line`);
  }
  for await (const { name } of Deno.readDir(new URL("nats/", RUNTIME))) {
    assert.match(page, new RegExp(`\\| [^|]*\`nats/${name}/`), `runtime/nats/${name}/ has no line`);
  }
});

Deno.test("runtime/ holds no loose files but the named ones", async () => {
  const loose: string[] = [];
  for await (const { name, isFile } of Deno.readDir(RUNTIME)) if (isFile) loose.push(name);
  assert.deepEqual(loose.sort(), ["CHANGELOG.md", "LICENSE", "README.md", "deno.json", "mod.ts", "testing.ts"]);
});
