import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EVENT_TYPES_FILE, eventTypes } from "../../project/event_types.ts";
import { entriesOf } from "../../project/list_files.ts";
import { projectDenoJson } from "./deno_json.ts";
import { compose, dockerfile, EXAMPLE, readme } from "./templates.ts";
import { type WeirDependency, weirDependency } from "./weir_dependency.ts";

const IGNORED = ".env\n.weir/\nnode_modules/\ncoverage/\n/catalog/\n";
const NOT_IN_IMAGE = ".git\n.env\n.weir\ncoverage\ntests\ndeploy\n**/node_modules\n";

/**
 * Writes a new project, and returns the paths of its files. `dir` and `weir` are relative to `base`.
 *
 * @throws {Error} when the folder is not empty or Weir is not found. Nothing is written then.
 */
export async function makeProject(base: string, dir: string, weir: string | undefined): Promise<string[]> {
  const directory = resolve(base, dir);
  await refuseUnlessEmpty(directory, dir);
  const files = Object.entries(projectFiles(basename(directory), await weirDependency(weir, base, directory)));
  for (const [path, text] of files) {
    await Deno.mkdir(join(directory, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(directory, path), text, { createNew: true });
  }
  return files.map(([path]) => path);
}

function projectFiles(name: string, weir: WeirDependency): Readonly<Record<string, string>> {
  const image = imageName(name), schemas = Object.keys(EXAMPLE).filter((path) => path.startsWith("schemas/"));
  return {
    "deno.json": projectDenoJson(image, weir),
    ...EXAMPLE,
    [EVENT_TYPES_FILE]: eventTypes(schemas.map((path) => basename(path))),
    "deploy/Dockerfile": dockerfile(image, weir),
    "deploy/compose.yaml": compose(image),
    "README.md": readme(name, weir),
    ".gitignore": IGNORED,
    ".dockerignore": NOT_IN_IMAGE,
  };
}

/** Returns a name that Docker accepts: lower-case letters and digits with separators between them. */
function imageName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "app";
}

async function refuseUnlessEmpty(directory: string, dir: string): Promise<void> {
  const entries = await entriesOf(pathToFileURL(directory)).catch((error) => {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Error(`nothing was written: ${dir} is a file`, { cause: error });
  });
  const existing = entries.map(({ name }) => name).filter((name) => name !== ".git");
  if (existing.length > 0) {
    throw new Error(`nothing was written: ${dir} is not empty (${existing.slice(0, 3).join(", ")})`);
  }
}
