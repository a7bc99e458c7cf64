import type { Reservation } from "./memory_budget.ts";
import { late } from "./body_timeout.ts";
import { Problem } from "./problem.ts";

/** A body that says it has no more bytes than that is awaited in one piece: a stream costs as much as all the rest. */
const AT_ONCE_BYTES = 65_536;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The body as text. @throws {Problem} 413 as soon as it is too large, 503 when there is no room; 400: not UTF-8. */
export function readText(request: Request, place: Reservation): Promise<string> {
  const { maxBytes } = place, { headers } = request;
  const declared = Number(headers.get("content-length") ?? NaN);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  place.grow(declared || 0);
  // A body in chunks is as long as it likes, whatever else its head says.
  if (declared <= AT_ONCE_BYTES && !headers.has("transfer-encoding")) return atOnce(request, place);
  return inPieces(request, place);
}

function atOnce(request: Request, place: Reservation): Promise<string> {
  return new Promise((resolve, reject) => {
    const cameInTime = place.patience.wait(() => reject(late("the body did not come")));
    request.bytes().then((bytes) => {
      cameInTime();
      try {
        if (bytes.length > place.maxBytes) throw tooLarge(place.maxBytes);
        resolve(decode(bytes));
      } catch (error) {
        reject(error);
      }
    }, () => {
      cameInTime();
      reject(malformed("the body ended early"));
    });
  });
}

async function inPieces(request: Request, place: Reservation): Promise<string> {
  const reader = request.body?.getReader();
  if (!reader) return "";
  const pieces: Uint8Array[] = [];
  let bytes = 0, isLate = false;
  const cameInTime = place.patience.wait(() => {
    isLate = true;
    void reader.cancel();
  });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      bytes += next.value.length;
      if (bytes > place.maxBytes) throw tooLarge(place.maxBytes);
      place.grow(bytes);
      pieces.push(next.value);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw malformed("the body ended early");
    await reader.cancel();
    throw error;
  } finally {
    cameInTime();
  }
  if (isLate) throw late("the body did not come");
  return decode(joined(pieces, bytes));
}

/** Pieces as one. */
export function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw malformed("the body is not UTF-8 text");
  }
}

/** @param what it is the text of. @throws {Problem} 400 with what is wrong and where. */
export function parseJson(text: string, what = "the body"): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`${what} is not JSON: ${(error as Error).message}`);
  }
}

/** The problem of a request that cannot be read as what it should be. */
export function malformed(detail: string): Problem {
  return new Problem(400, "Malformed request", detail);
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(413, "Content Too Large", `the body is larger than ${maxBytes} bytes, the most that is taken`);
}
