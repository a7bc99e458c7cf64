import type { ParseError } from "jsonc-parser";

/** Fields of a project's `deno.json` that Weir reads. */
interface DenoJson {
  readonly name?: string;
  readonly version?: string;
  readonly tasks?: Readonly<Record<string, string | { readonly command?: string }>>;
  readonly imports?: Readonly<Record<string, string>>;
}

/**
 * Returns the name of a project: `name` in its `deno.json` or `deno.jsonc`. Undefined if the file has no name or cannot
 * be read. Deno itself reports a file that it cannot parse.
 */
export async function projectName(root: URL): Promise<string | undefined> {
  return (await projectIdentity(root)).project;
}

/** Returns the name and the version of a project, as {@linkcode projectName} does. */
export async function projectIdentity(root: URL): Promise<{ readonly project?: string; readonly version?: string }> {
  for (const file of ["deno.json", "deno.jsonc"]) {
    const text = await Deno.readTextFile(new URL(file, root)).catch(() => undefined);
    if (text === undefined) continue;
    const { name, version } = await parseLenient(text);
    return { project: textOf(name), version: textOf(version) };
  }
  return {};
}

function textOf(field: unknown): string | undefined {
  return typeof field === "string" && field.trim() !== "" ? field : undefined;
}

/** Parses JSON with comments only if it has any: the parser for them is a module more to load. */
async function parseLenient(text: string): Promise<DenoJson> {
  try {
    return JSON.parse(text);
  } catch {
    const { parse } = await import("jsonc-parser");
    return parse(text, [], { allowTrailingComma: true }) ?? {};
  }
}

/**
 * Reads `deno.json`, in which Deno allows comments and trailing commas.
 *
 * @throws {Error} naming `deno.json`, if it cannot be read or parsed
 */
export async function readDenoJson(root: URL): Promise<DenoJson> {
  const { parse, printParseErrorCode } = await import("jsonc-parser"); // Lazy: most starts read no deno.json.
  const mistakes: ParseError[] = [];
  try {
    const text = await Deno.readTextFile(new URL("deno.json", root));
    const denoJson = parse(text, mistakes, { allowTrailingComma: true });
    const [mistake] = mistakes;
    if (mistake) throw new SyntaxError(`${printParseErrorCode(mistake.error)} at position ${mistake.offset}`);
    return denoJson;
  } catch (error) {
    throw new Error(`deno.json cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
