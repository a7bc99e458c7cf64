import { malformed, Problem } from "../http/problem.ts";
import { parseJson } from "../http/request_body.ts";

/** Longest body of a request, in bytes: NATS carries no larger event by default, with room for its JSON. */
const MAX_BYTES = 4 * 1_048_576;

/**
 * Returns the members of the JSON object in a request's body.
 *
 * @param known Names of the members. An unknown one is refused, since a misspelt filter would match everything.
 * @param maxBytes Longest body. Default: 4 MiB.
 * @throws {Problem} 400, 413 or 415.
 */
export async function bodyOf<Name extends string>(
  request: Request,
  known: readonly Name[],
  maxBytes = MAX_BYTES,
): Promise<Partial<Record<Name, unknown>>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(type)) throw new Problem("unsupported-media-type", "send application/json");
  const body: unknown = parseJson(await limitedText(request, maxBytes), "the body");
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed("the body is not a JSON object");
  }
  const unknown = Object.keys(body).filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw malformed(`unknown member ${unknown.join(", ")}; known are: ${known.join(", ") || "none"}`);
  }
  return body as Partial<Record<Name, unknown>>;
}

/** Returns a text member. @throws {Problem} 400 for any other value. */
export function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw malformed(`${name}: it is a text`);
}

async function limitedText(request: Request, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Problem("too-large", `the body has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text();
}
