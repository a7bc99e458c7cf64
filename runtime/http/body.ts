import type { BodyPlace } from "./body_room.ts";
import { Problem } from "./problem.ts";

/** How long a body may take to come: a caller that never ends it must not hold a place for ever. */
const BODY_MS = 30_000;

/** The body as text. @throws {Problem} 413 as soon as it is too large, 503 when there is no room; 400: not UTF-8. */
export async function readText(request: Request, place: BodyPlace): Promise<string> {
  const { maxBytes } = place;
  const tooLarge = () =>
    new Problem(
      413,
      "Content Too Large",
      `the body is larger than ${maxBytes} bytes, the most that is taken`,
    );
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge();
  place.grow(declared);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = request.body?.getReader();
  let text = "", bytes = 0, late = false;
  const timer = setTimeout(() => {
    late = true;
    void reader?.cancel();
  }, BODY_MS);
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      bytes += next.value.length;
      if (bytes > maxBytes) {
        await reader?.cancel();
        throw tooLarge();
      }
      try {
        place.grow(bytes);
      } catch (error) {
        await reader?.cancel();
        throw error;
      }
      text += decoder.decode(next.value, { stream: true });
    }
    if (late) throw new Problem(408, "Request Timeout", `the body did not come within ${BODY_MS} ms`);
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw malformed(error instanceof TypeError ? "the body is not UTF-8 text" : "the body ended early");
  } finally {
    clearTimeout(timer);
  }
}

/** @throws {Problem} 400 with what is wrong and where. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`the body is not JSON: ${(error as Error).message}`);
  }
}

/** The problem of a request that cannot be read as what it should be. */
export function malformed(detail: string): Problem {
  return new Problem(400, "Malformed request", detail);
}
