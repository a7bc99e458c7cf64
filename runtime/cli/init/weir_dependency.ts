import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { WEIR_ROOT } from "../../core/own_modules.ts";

/** Source of Weir for a project: a folder, or a version in the registry. */
export type WeirDependency =
  | { readonly kind: "folder"; readonly link: string }
  | { readonly kind: "version"; readonly version: string };

const VERSION = /^[\^~]?\d+(\.\d+){0,2}(-[\w.]+)?$/;

/**
 * Returns the dependency for a project in `directory`, which it creates.
 *
 * @param weir Version, or folder relative to `base`. Default: the Weir that runs.
 * @throws {Error} when that folder does not contain Weir.
 */
export async function weirDependency(
  weir: string | undefined,
  base: string,
  directory: string,
): Promise<WeirDependency> {
  if (weir === undefined && WEIR_ROOT.protocol !== "file:") return { kind: "version", version: `^${denoJson.version}` };
  if (weir !== undefined && VERSION.test(weir)) return { kind: "version", version: weir };
  const folder = await packageIn(weir === undefined ? fileURLToPath(WEIR_ROOT) : resolve(base, weir));
  await Deno.mkdir(directory, { recursive: true });
  // Deno resolves symbolic links, and reads a link as a URL.
  const path = relative(await Deno.realPath(directory), folder).replaceAll("\\", "/");
  const link = path.replace(/[%#?]/g, encodeURIComponent);
  return { kind: "folder", link: isAbsolute(link) || link.startsWith(".") ? link : `./${link}` };
}

/** Returns the folder of the package: the given one, or `runtime/` in it, as in a checkout of Weir. */
async function packageIn(folder: string): Promise<string> {
  for (const candidate of [folder, join(folder, "runtime")]) {
    try {
      const { name } = JSON.parse(await Deno.readTextFile(join(candidate, "deno.json")));
      if (name === denoJson.name) return await Deno.realPath(candidate);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
    }
  }
  throw new Error(
    `nothing was written: ${folder} does not contain Weir: --weir takes a version, or the folder of the package ${denoJson.name}`,
  );
}
