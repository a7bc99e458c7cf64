/** What of a project's `deno.json` is of interest here. */
export interface DenoJson {
  readonly tasks?: Readonly<Record<string, string | { readonly command?: string }>>;
  readonly imports?: Readonly<Record<string, string>>;
}

/** Text in quotes, which stays; or a comment, or a comma before a bracket that closes: Deno allows both. */
const NOT_JSON = /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[^]*?\*\/|,(?=(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*[}\]])/g;

/** @throws {Error} saying that it is `deno.json` which cannot be read. */
export async function readDenoJson(root: URL): Promise<DenoJson> {
  try {
    return JSON.parse((await Deno.readTextFile(new URL("deno.json", root))).replace(NOT_JSON, "$1"));
  } catch (error) {
    throw new Error(`deno.json cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
