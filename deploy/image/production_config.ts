/**
 * Removes from `deno.json` what only tests import, so that the image does not have it: Deno wants every package of the
 * lock. `deno install` then takes the same packages out of `deno.lock`, and leaves the others at their versions.
 *
 * A package that code imports by a computed name is not found: name it in `KEEP`, comma-separated.
 */
const FOLDERS = ["runtime", "schemas", "functions"];
const SPECIFIER = /(?:from|import)\s*\(?\s*"([^"\n]+)"/g;

const used = new Set(Deno.env.get("KEEP")?.split(","));
async function collect(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await collect(path);
    else if (/\.(ts|js)x?$/.test(name)) {
      for (const [, specifier] of (await Deno.readTextFile(path)).matchAll(SPECIFIER)) used.add(specifier);
    }
  }
}
for (const folder of FOLDERS) await collect(folder);

const config = JSON.parse(await Deno.readTextFile("deno.json"));
const isUsed = (name: string) => [...used].some((specifier) => specifier === name || specifier.startsWith(`${name}/`));
config.imports = Object.fromEntries(Object.entries(config.imports).filter(([name]) => isUsed(name)));
await Deno.writeTextFile("deno.json", `${JSON.stringify(config, null, 2)}\n`);
