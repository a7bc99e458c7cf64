import { fileURLToPath } from "node:url";
import { copyProject } from "../e2e/program.ts";

const OWN = fileURLToPath(new URL("./project/", import.meta.url));

/** A copy of the project in a temporary folder, with the functions and events of `tests/chaos/project/` alone. */
export async function chaosProject(): Promise<{ path: string } & AsyncDisposable> {
  const project = await copyProject();
  for (const folder of ["functions", "schemas"]) {
    await Deno.remove(`${project.path}/${folder}`, { recursive: true });
    await Deno.mkdir(`${project.path}/${folder}`);
    for await (const { name } of Deno.readDir(OWN + folder)) {
      await Deno.copyFile(`${OWN}${folder}/${name}`, `${project.path}/${folder}/${name}`);
    }
  }
  return project;
}
