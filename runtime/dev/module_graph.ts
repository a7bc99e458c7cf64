import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isOwnModule } from "../core/own_modules.ts";
import { spawnChild } from "../nats_server/child_process.ts";
import { listDefiningFiles } from "../project/load_definitions.ts";
import { listModules } from "../project/list_files.ts";
import { GENERATED } from "./watch_files.ts";

/** The fields of `deno info --json` that matter here. */
interface DenoInfo {
  readonly modules: readonly { readonly specifier: string; readonly error?: string }[];
}

/**
 * Milliseconds that `deno info` may take. It takes a second, but may wait for a registry: the saves of that time must not
 * wait with it.
 */
const READ_MS = 20_000;

/** The local files that the modules of some folders import, directly or not, as `deno info` resolves them. */
export class ModuleGraph {
  #files: ReadonlySet<string> = new Set();

  constructor(readonly root: URL, readonly folders: readonly string[]) {}

  /** Paths relative to the root: every module, also one that is missing, and the `deno.json` of its package. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Reads the graph as the files are now. If it cannot be read, the previous graph stays. */
  async refresh(): Promise<void> {
    const path = fileURLToPath(this.root), lines: string[] = [];
    const names = await Promise.all(this.folders.map(async (folder) => {
      const url = new URL(`${folder}/`, this.root);
      return (await listModules(url)).map((name) => new URL(name, url).href);
    }));
    const helpers = (await listDefiningFiles(this.root)).map((file) => new URL(file, this.root).href);
    const imports = [...names.flat(), ...helpers].map((href) => `import ${JSON.stringify(href)};`).join("");
    const entry = `data:application/typescript,${encodeURIComponent(imports)}`, config = join(path, "deno.json");
    const args = ["info", "--json", "--no-lock", "--config", config, entry];
    const process = spawnChild({
      ...{ command: Deno.execPath(), args, cwd: path, env: { NO_COLOR: "1" } },
      stdout: (line) => lines.push(line),
    });
    const late = setTimeout(() => void process.stop("SIGKILL"), READ_MS);
    const { code } = await process.status.finally(() => clearTimeout(late));
    if (code !== 0) return;
    const { modules }: DenoInfo = JSON.parse(lines.join("\n"));
    const files = modules.map(({ specifier }) => specifier).filter(isFollowed).map((href) => fileURLToPath(href));
    const all = new Set([...files, ...configsOf(files, path)].map((file) => relative(path, file)));
    // What a module with a mistake imports is not known until it is corrected.
    this.#files = modules.some(({ error }) => error) ? new Set([...this.#files, ...all]) : all;
  }
}

function isFollowed(specifier: string): boolean {
  return specifier.startsWith("file:") && !specifier.includes("/node_modules/") && !isOwnModule(specifier) &&
    !GENERATED.test(specifier);
}

/** Returns the nearest `deno.json` above each file, except for the `deno.json` of the root. */
function configsOf(files: readonly string[], root: string): string[] {
  const found = new Set<string>(), seen = new Set<string>([join(root, "."), root.replace(/[\\/]$/, "")]);
  for (const file of files) {
    for (let folder = dirname(file); !seen.has(folder) && folder !== dirname(folder); folder = dirname(folder)) {
      seen.add(folder);
      try {
        if (Deno.statSync(folder + sep + "deno.json").isFile) found.add(join(folder, "deno.json"));
      } catch {
        // this folder has none
      }
    }
  }
  return [...found];
}
