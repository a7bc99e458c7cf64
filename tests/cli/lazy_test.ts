import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

interface Graph {
  readonly roots: readonly string[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly { specifier: string; dependencies?: readonly Dependency[] }[];
}

interface Dependency {
  readonly specifier: string;
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
}

/** Returns every module that is evaluated before a command begins. */
async function loadedAtOnce(file: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", file] }).output();
  const { roots, modules, redirects }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set<string>(), queue = [...roots];
  while (queue.length > 0) {
    const next = queue.pop()!, specifier = redirects[next] ?? next;
    if (found.has(specifier)) continue;
    found.add(specifier);
    for (const { isDynamic, code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier) queue.push(code.specifier);
    }
  }
  return found;
}

Deno.test("main loads the modules of samples, `new`, `init` and JSON error locations only for commands that need them", async () => {
  const loaded = [...await loadedAtOnce(fileURLToPath(new URL("../../runtime/cli/main.ts", import.meta.url)))];
  assert.ok(loaded.some((module) => module.endsWith("/runtime/cli/new.ts")), "the graph was not followed");
  assert.ok(loaded.some((module) => module.startsWith("npm:")), "packages were not followed");
  assert.deepEqual(
    loaded.filter((module) =>
      /json-schema-faker|jsonc-parser|runtime\/testing\/|cli\/(new|init)\/|fast-check/.test(module)
    ),
    [],
  );
});
