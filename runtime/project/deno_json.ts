import type { ParseError } from "jsonc-parser";

/** Fields of a project's `deno.json` that Weir reads. */
interface DenoJson {
  readonly tasks?: Readonly<Record<string, string | { readonly command?: string }>>;
  readonly imports?: Readonly<Record<string, string>>;
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
