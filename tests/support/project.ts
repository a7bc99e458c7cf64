import { fileURLToPath, pathToFileURL } from "node:url";
import { writeEventTypes } from "../../runtime/project/event_types.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The project of Weir's tests: an order flow, so that no test depends on the functions beside Weir. */
const PROJECT = fileURLToPath(new URL("./project/", import.meta.url));

/**
 * Copies the tests' project to a temporary folder, so that a test may change its files. It links Weir by its folder, as
 * a project does that `init` creates: Deno compiles the modules of Weir once, and not for each copy.
 */
export async function copyProject(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "weir-project-" });
  await writeConfig(path);
  for (const folder of ["functions", "schemas"]) await copyFolder(PROJECT + folder, `${path}/${folder}`);
  await writeEventTypes(pathToFileURL(`${path}/`));
  await Deno.mkdir(`${path}/tests`);
  for (const plugin of ["house_rules.ts", "plain_words.ts"]) {
    await Deno.copyFile(`${ROOT}tests/${plugin}`, `${path}/tests/${plugin}`);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Writes `deno.json` and `deno.lock`: those of Weir's repository, with Weir as a linked package and not as a member. */
async function writeConfig(path: string): Promise<void> {
  const [config, lock, weir] = await Promise.all(
    ["deno.json", "deno.lock", "runtime/deno.json"].map(async (name) =>
      JSON.parse(await Deno.readTextFile(ROOT + name))
    ),
  );
  const { workspace: _member, imports, ...rest } = config;
  const others = Object.entries(imports).filter(([name]) => name !== "weir" && !name.startsWith("weir/"));
  const json = {
    ...rest,
    imports: { weir: `jsr:${weir.name}`, ...Object.fromEntries(others) },
    links: [`${ROOT}runtime`],
  };
  const { dependencies, members } = lock.workspace;
  lock.workspace = {
    dependencies: [`jsr:${weir.name}@*`, ...dependencies],
    links: { [`jsr:${weir.name}@${weir.version}`]: members.runtime, [`jsr:${config.name}`]: { dependencies } },
  };
  await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify(json, null, 2) + "\n");
  await Deno.writeTextFile(`${path}/deno.lock`, JSON.stringify(lock, null, 2) + "\n");
}

/** Does the same with these files, by path, instead of the functions and schemas of the tests' project. */
export async function copyProjectWith(files: Readonly<Record<string, string>>): ReturnType<typeof copyProject> {
  const project = await copyProject();
  for (const folder of ["functions", "schemas"]) {
    await Deno.remove(`${project.path}/${folder}`, { recursive: true });
    await Deno.mkdir(`${project.path}/${folder}`);
  }
  for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(`${project.path}/${file}`, text);
  return project;
}

/** Removes a project's name, so that it is one project with a runtime of a test, which has none. */
export async function removeName(path: string): Promise<void> {
  const { name: _name, ...json } = JSON.parse(await Deno.readTextFile(`${path}/deno.json`));
  await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify(json));
}

/** Copies a folder with all its files to a new one. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
