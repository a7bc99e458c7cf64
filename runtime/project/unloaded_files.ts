import { listFiles } from "./load_modules.ts";

/** What makes a file of the folder look as if it were meant to be one of Weir's, by what it calls. */
const MEANT: Record<string, { pattern: RegExp; what: string }> = {
  functions: { pattern: /\bexport default (await )?defineFunction\(/, what: "a function" },
  schemas: { pattern: /\bexport const \w+ = define(Event|Stream)\(/, what: "a schema" },
};

/**
 * Files that declare something and that nothing loads: one a line, with why. Others in a folder below, or in
 * JavaScript, are helpers: there is nothing to say of them.
 */
export async function unloadedFiles(root: URL): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(MEANT).map(async ([folder, { pattern, what }]) => {
      const lines: string[] = [];
      for (const file of await listFiles(root, folder)) {
        const [, ...rest] = file.split("/"), name = rest.at(-1)!;
        if (rest.some((part) => /^[_.]/.test(part)) || !/\.(ts|tsx|mts|cts|js|jsx|mjs|cjs)$/.test(name)) continue;
        const below = rest.length > 1, why = below ? `directly in ${folder}/` : "ending in .ts";
        if ((!below && name.endsWith(".ts")) || /[_.]test\.\w+$/.test(name)) continue;
        if (!pattern.test(await Deno.readTextFile(new URL(file, root)))) continue;
        lines.push(
          `${file} is not ${what}: only files ${why} are. Move it, or begin its name with _ if it is a helper`,
        );
      }
      return lines;
    }),
  );
  return found.flat();
}
