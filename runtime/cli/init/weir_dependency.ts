import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { WEIR_ROOT } from "../../core/own_modules.ts";

/** How a project gets Weir: from a folder beside it, or from the registry by its version. */
export type WeirDependency =
  | { readonly kind: "folder"; readonly link: string }
  | { readonly kind: "version"; readonly version: string };

const VERSION = /^[\^~]?\d+(\.\d+){0,2}(-[\w.]+)?$/;

/**
 * The dependency for a project in `directory`.
 *
 * @param weir a version, or a folder that Weir is in, from `base`. Default: the Weir that runs
 * @throws {Error} when there is no Weir in that folder.
 */
export async function weirDependency(
  weir: string | undefined,
  base: string,
  directory: string,
): Promise<WeirDependency> {
  if (weir === undefined && WEIR_ROOT.protocol !== "file:") return { kind: "version", version: `^${denoJson.version}` };
  if (weir !== undefined && VERSION.test(weir)) return { kind: "version", version: weir };
  const folder = await packageIn(weir === undefined ? fileURLToPath(WEIR_ROOT) : resolve(base, weir));
  const link = relative(await realPathOf(directory), folder).replaceAll("\\", "/");
  return { kind: "folder", link: isAbsolute(link) || link.startsWith(".") ? link : `./${link}` };
}

/** Without links, as Deno sees it; also of a folder that is not there yet. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return join(await realPathOf(dirname(path)), basename(path));
  }
}

/** The folder of the package: the one that is named, or `runtime/` in it, as in a checkout. */
async function packageIn(folder: string): Promise<string> {
  for (const one of [folder, join(folder, "runtime")]) {
    try {
      const { name } = JSON.parse(await Deno.readTextFile(join(one, "deno.json")));
      if (name === denoJson.name) return await Deno.realPath(one);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
    }
  }
  throw new Error(
    `nothing was written: there is no Weir in ${folder}: --weir takes a version, or the folder of the package ${denoJson.name}`,
  );
}
