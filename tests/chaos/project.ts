import { fileURLToPath } from "node:url";
import { copyProjectWith } from "../support/project.ts";

const OWN = fileURLToPath(new URL("./project/", import.meta.url));

/** Copies the project to a temporary folder, with the functions and schemas of `tests/chaos/project/`. */
export async function chaosProject(): Promise<{ path: string } & AsyncDisposable> {
  const files: Record<string, string> = {};
  for (const folder of ["functions", "schemas"]) {
    for await (const { name } of Deno.readDir(OWN + folder)) {
      files[`${folder}/${name}`] = await Deno.readTextFile(`${OWN}${folder}/${name}`);
    }
  }
  return await copyProjectWith(files);
}
