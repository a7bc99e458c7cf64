import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** From the bottom up. A folder may import from itself and from the layers below, not from its neighbours. */
const LAYERS = [
  ["nouns"],
  ["rules"],
  ["policy"],
  ["authoring"],
  ["flow"],
  ["nats", "http", "telemetry", "broker"],
  [".", "supervisor", "dev", "doctor", "doctor/rules", "cli", "testing", "testing/crash"],
];
/** Packages that the lower layers may use; the edge and the root may use any. */
const PACKAGES: Record<string, RegExp> = {
  nouns: /^$/,
  rules: /^(compare-versions|fastest-levenshtein)$/,
  policy: /^$/,
  authoring: /^(zod|@opentelemetry\/api)$/,
  flow: /^(@opentelemetry\/api|node:crypto)$/,
};
const RUNTIME = fileURLToPath(new URL("../runtime/", import.meta.url));

/** What is wrong with the imports of one file of `runtime/`, which is given by its path in there. */
function violations(file: string, source: string): string[] {
  const folder = dirname(file);
  const layer = layerOf(folder);
  const specifiers = [...source.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(([, specifier]) => specifier);
  return specifiers.flatMap((specifier) => {
    if (!specifier.startsWith(".")) {
      return PACKAGES[folder]?.test(specifier) === false ? [`${file} may not use the package ${specifier}`] : [];
    }
    const target = dirname(join(folder, specifier));
    if (target === folder || layerOf(target) < layer || layer === LAYERS.length - 1) return [];
    return [`${file} may not import ${specifier}: ${target}/ is not below ${folder}/`];
  });
}

function layerOf(folder: string): number {
  const layer = LAYERS.findIndex((folders) => folders.includes(folder));
  assert.notEqual(layer, -1, `${folder}/ has no layer: give it one in this test`);
  return layer;
}

async function* sources(folder = RUNTIME): AsyncIterable<{ file: string; source: string }> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (/(?<!\.d)\.ts$/.test(name)) {
      yield { file: relative(RUNTIME, path), source: code(await Deno.readTextFile(path)) };
    }
  }
}

/** Examples in doc comments import from everywhere. */
function code(source: string): string {
  return source.replace(/^\s*\*.*$/gm, "");
}

Deno.test("imports point down the layers, and only the edge uses libraries", async () => {
  const found: string[] = [];
  let files = 0;
  for await (const { file, source } of sources()) {
    files++;
    found.push(...violations(file, source));
  }
  assert.ok(files > 50, `only ${files} files were looked at`);
  assert.deepEqual(found, []);
});

for (
  const [file, specifier, why] of [
    ["rules/backoff.ts", "../flow/ports.ts", "upward"],
    ["nouns/event.ts", "../rules/decode.ts", "upward"],
    ["flow/worker.ts", "../nats/settle.ts", "upward"],
    ["http/ingress.ts", "../nats/jetstream_store.ts", "sideways"],
    ["policy/after.ts", "zod", "a package"],
    ["rules/backoff.ts", "zod", "a package"],
    ["flow/worker.ts", "@nats-io/jetstream", "a package"],
  ]
) {
  Deno.test(`an import of ${specifier} in ${file} (${why}) is found`, () => {
    assert.equal(violations(file, `import { x } from "${specifier}";`).length, 1);
  });
}
