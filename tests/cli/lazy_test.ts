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

/** Returns what each of some files of `runtime/cli/` loads at once. */
async function loadedBy(...files: readonly string[]): Promise<string[]> {
  const urls = files.map((file) => new URL(`../../runtime/cli/${file}`, import.meta.url));
  const loaded = await Promise.all(urls.map((url) => loadedAtOnce(fileURLToPath(url))));
  return loaded.flatMap((modules) => [...modules]);
}

Deno.test("main loads no command but the one that is called, no parser and no client", async () => {
  const loaded = await loadedBy("main.ts");
  assert.ok(loaded.some((module) => module.includes("npm:/@opentelemetry/api")), "packages were not followed");
  assert.deepEqual(
    loaded.filter((module) => /runtime\/cli\/\w+\.ts$/.test(module) && !module.endsWith("/main.ts")),
    [],
  );
  assert.deepEqual(loaded.filter((module) => /@nats-io|zod|commander|runtime\/(app|nats|http)\//.test(module)), []);
});

Deno.test("start loads no other command, and nothing that only other commands or options need", async () => {
  const loaded = await loadedBy("start/start.ts");
  assert.ok(loaded.some((module) => module.endsWith("/runtime/app/runtime.ts")), "the graph was not followed");
  const others =
    /runtime\/(dev|doctor|nats_server|testing|nats\/impact)\/|runtime\/app\/supervisor\/|otlp-exporter|sdk-|commander/;
  assert.deepEqual(loaded.filter((module) => others.test(module)), []);
  assert.deepEqual(loaded.filter((module) => /runtime\/cli\/\w+\.ts$/.test(module)), []);
});

Deno.test("new, init and the others load samples, templates and JSON error locations only when they need them", async () => {
  const loaded = await loadedBy("new.ts", "init.ts", "publish.ts", "doctor.ts", "dev.ts");
  assert.deepEqual(
    loaded.filter((module) =>
      /json-schema-faker|jsonc-parser|runtime\/testing\/|cli\/(new|init)\/|fast-check/.test(module)
    ),
    [],
  );
});

Deno.test("weir/testing loads the runtime and the packages that only it needs at the first startTestRuntime", async () => {
  const loaded = await loadedBy("../testing.ts");
  assert.ok(loaded.some((module) => module.endsWith("/runtime/testing/invoke.ts")), "the graph was not followed");
  assert.deepEqual(
    loaded.filter((module) => /@nats-io|npm:\/hono|runtime\/(app\/runtime\.ts|http\/|nats_server\/)/.test(module)),
    [],
  );
});
