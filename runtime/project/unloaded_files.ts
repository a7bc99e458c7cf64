import { listFiles } from "./load_modules.ts";

/** Calls by which a file of the folder is recognised as one that should be loaded. */
const MEANT: Record<string, { pattern: RegExp; what: string }> = {
  functions: { pattern: /\bexport default (await )?defineFunction\(/, what: "a function" },
  schemas: { pattern: /\bexport const \w+ = define(Event|Stream)\(/, what: "a schema" },
};

/**
 * Describes the files that declare a function, an event or a stream and are not loaded, one a line. Other files in a folder
 * below, or in JavaScript, are helpers.
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
