/** Returns whether a file of `functions/` or `schemas/` is loaded. Tests, `_NAME` and `.NAME` are not. */
export function isModule(name: string): boolean {
  return /^[^_.].*\.ts$/.test(name) && !/([_.]test|\.d)\.ts$/.test(name);
}

/** Returns the names of the files in a folder that are loaded, or none if the folder does not exist. */
export async function listModules(folder: URL): Promise<string[]> {
  return (await entriesOf(folder)).filter(({ name, isDirectory }) => !isDirectory && isModule(name))
    .map(({ name }) => name).sort();
}

/** Returns the paths of all files below a folder of the project, or none if it does not exist. */
export async function listFiles(root: URL, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory } of await entriesOf(new URL(`${folder}/`, root))) {
    const path = `${folder}/${name}`;
    if (!isDirectory) files.push(path);
    else if (name !== "node_modules") files.push(...await listFiles(root, path));
  }
  return files.sort();
}

export async function entriesOf(folder: URL): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
