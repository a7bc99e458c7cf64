import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folders of `runtime/` from the bottom up. A folder may import from itself and from the layers below it, not from
 * others in its layer. The folders above `app` are tools: no production path imports them.
 */
const LAYERS = [
  ["core"],
  ["api"],
  ["project"],
  ["engine"],
  ["nats", "http", "telemetry", "catalog"],
  ["console"],
  ["app"],
  ["nats_server"],
  ["dev", "doctor", "testing"],
  ["cli", "."],
];
/** Folders that import only from themselves and from packages, and know nothing of Weir. */
const SEALED = ["telemetry/otel"];
/** Packages that the lower folders may import. The others may import any. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  core: /^(compare-versions|fastest-levenshtein|node:util|node:crypto)$/,
  api: /^(zod|@opentelemetry\/api)$/,
  project: /^(zod|jsonc-parser|croner|node:.*)$/,
  engine: /^@opentelemetry\/api$/,
  catalog: /^(zod|node:util)$/,
};
const RUNTIME = fileURLToPath(new URL("../runtime/", import.meta.url));

/** Returns the forbidden imports of one file, given by its path in `runtime/`. */
function violations(file: string, source: string): string[] {
  const folder = folderOf(file);
  const specifiers = [...source.matchAll(/(?:(?<!")from|import\(|import)\s*"([^"$]+)"/g)].map(([, specifier]) =>
    specifier
  );
  return specifiers.flatMap((specifier) => {
    if (!specifier.startsWith(".")) {
      return PACKAGES[folder]?.test(specifier) === false ? [`${file} may not use the package ${specifier}`] : [];
    }
    const target = join(dirname(file), specifier);
    const sealed = SEALED.find((path) => file.startsWith(`${path}/`));
    if (sealed !== undefined && !target.startsWith(`${sealed}/`)) {
      return [`${file} may not import ${specifier}: ${sealed}/ imports only from itself and from packages`];
    }
    if (target === "deno.json") return []; // name and version of the package
    const targetFolder = folderOf(target);
    if (targetFolder === folder || layerOf(targetFolder) < layerOf(folder)) return [];
    return [`${file} may not import ${specifier}: ${targetFolder}/ is not below ${folder}/`];
  });
}

function folderOf(file: string): string {
  return file.includes("/") ? file.split("/")[0] : ".";
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

/** Drops doc comments, whose examples import from everywhere. */
function code(source: string): string {
  return source.replace(/^\s*\*.*$/gm, "");
}

Deno.test("runtime/ imports only from lower layers, and its core only the packages it may use", async () => {
  const found: string[] = [];
  let files = 0;
  for await (const { file, source } of sources()) {
    files++;
    found.push(...violations(file, source));
  }
  assert.ok(files > 50, `only ${files} files were read`);
  assert.deepEqual(found, []);
});

for (
  const [file, specifier, why] of [
    ["core/backoff.ts", "../engine/clock.ts", "upward"],
    ["core/event.ts", "../api/errors.ts", "upward"],
    ["engine/dispatcher.ts", "../nats/consume/settle.ts", "upward"],
    ["http/ingress.ts", "../nats/publish/jetstream_publisher.ts", "sideways"],
    ["app/runtime.ts", "../testing/invoke.ts", "from production to a tool"],
    ["core/decide_outcome.ts", "zod", "a package"],
    ["engine/dispatcher.ts", "@nats-io/jetstream", "a package"],
    ["telemetry/otel/logs/logger.ts", "../../../core/delivery.ts", "out of a sealed folder"],
    ["telemetry/otel/tracing.ts", "../instruments.ts", "out of a sealed folder"],
  ]
) {
  Deno.test(`violations finds an import of ${specifier} in ${file} (${why})`, () => {
    assert.equal(violations(file, `import { x } from "${specifier}";`).length, 1);
  });
}
