/**
 * The packages of the contestant moleculer-channels. They are installed when it runs, in a temporary folder, so that
 * nothing else of this repository has to have them.
 */
import { stripTypeScriptTypes } from "node:module";
import { dirname } from "node:path";
import { benchPath } from "./process.ts";

const PACKAGES = { "moleculer": "0.14.36", "@moleculer/channels": "0.1.8", "nats": "2.29.3" };
/** The contestant and what it imports. */
const MODULES = ["contestants/moleculer", "contestants/harness", "contestants/handlers", "histogram", "order"];

/** A folder in which Node runs the contestant. */
export interface MoleculerFolder extends AsyncDisposable {
  /** Path of the contestant. */
  readonly main: string;
}

/** Installs moleculer-channels. @throws {Error} without Node, or if the packages cannot be fetched */
export async function moleculerFolder(): Promise<MoleculerFolder> {
  const path = await Deno.makeTempDir({ prefix: "weir-moleculer-" });
  const remove = () => Deno.remove(path, { recursive: true });
  try {
    await run("node", ["--version"], path);
    await Deno.writeTextFile(`${path}/package.json`, JSON.stringify({ type: "module", dependencies: PACKAGES }));
    // Hoisted, since @moleculer/channels requires the client without declaring it.
    await run(Deno.execPath(), ["install", "--quiet", "--node-modules-linker", "hoisted"], path);
    for (const name of MODULES) {
      const text = stripTypeScriptTypes(await Deno.readTextFile(benchPath(`${name}.ts`)));
      await Deno.mkdir(dirname(`${path}/${name}`), { recursive: true });
      await Deno.writeTextFile(`${path}/${name}.js`, text.replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { main: `${path}/contestants/moleculer.js`, [Symbol.asyncDispose]: remove };
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr).trim()}`);
}
