import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./temporary.ts";

/**
 * Public tools that read the documents of a project. They have a lock file of their own: among their packages are types
 * of Node, which would change the types of Weir.
 */
const TOOLS = {
  "@asyncapi/parser": "npm:@asyncapi/parser@3.6.6",
  "openapi-fetch": "npm:openapi-fetch@0.17.0",
  "openapi-typescript": "npm:openapi-typescript@7.13.0",
} as const;
/** Written by Deno, with `frozen: false`, when a version above changes. */
const LOCK = fileURLToPath(new URL("./npm_tools.lock", import.meta.url));

/** A folder whose programs may import the tools. */
export interface ToolFolder extends AsyncDisposable {
  readonly path: string;
  write(file: string, text: string): Promise<void>;
  /** Runs `deno ARGS` in the folder, and returns its output. @throws {AssertionError} if it fails */
  deno(...args: string[]): Promise<string>;
  /** Runs a tool by its name. */
  tool(name: keyof typeof TOOLS, ...args: string[]): Promise<string>;
}

export async function toolFolder(): Promise<ToolFolder> {
  const folder = await temporaryDirectory(), { path } = folder;
  const write = (file: string, text: string) => Deno.writeTextFile(`${path}/${file}`, text);
  await write(
    "deno.json",
    JSON.stringify({ imports: TOOLS, nodeModulesDir: "none", lock: { path: LOCK, frozen: true } }),
  );
  const deno = async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), { args, cwd: path, env: { NO_COLOR: "1" }, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  };
  const tool: ToolFolder["tool"] = (name, ...args) => deno("run", "-A", "--quiet", TOOLS[name], ...args);
  return { path, write, deno, tool, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
