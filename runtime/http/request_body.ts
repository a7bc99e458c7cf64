import { isNestedDeeper } from "../core/json_depth.ts";
import { inexactNumber } from "../core/json_numbers.ts";
import { strictText } from "../core/strict_text.ts";
import { shorten } from "../core/text.ts";
import { type Reservation, timedOut } from "./body_limits.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { malformed, Problem } from "./problem.ts";
import { codingOf, decodedBody, unreadable } from "./content_encoding.ts";
import { LARGE } from "./turns.ts";

/** Bytes up to which a body of known size is read whole. Hot path: a stream costs as much as the remaining request. */
const WHOLE_BYTES = 65_536;
/** Levels of arrays and objects within each other. JSON parsers of other languages end at about a thousand. */
const MAX_LEVELS = 500;
/** Characters of a number that a problem quotes. */
const MAX_NUMBER = 50;

/**
 * Reads the body as text. A large text waits for its turn (`Turns`), and the caller must then parse it at once.
 *
 * @throws {Problem} 413 as soon as it is too large, 503 without memory, 408, or 400.
 */
export function readText(request: Request, reservation: Reservation): Promise<string> {
  return readBody(request, reservation, decodeText);
}

/** Reads the body as its bytes, as {@linkcode readText} reads it as text. */
export function readBytes(request: Request, reservation: Reservation): Promise<Bytes> {
  return readBody(request, reservation, (bytes) => bytes);
}

type Bytes = Uint8Array<ArrayBuffer>;

function readBody<Body>(request: Request, reservation: Reservation, take: (bytes: Bytes) => Body): Promise<Body> {
  const { maxBytes } = reservation.limits, { headers } = request;
  const declared = Number(headers.get("content-length") ?? NaN), isCoded = codingOf(request) !== undefined;
  if (declared > maxBytes) throw tooLarge(maxBytes);
  reservation.check(declared || 0);
  // A chunked body may be of any size, whatever its content-length says.
  if (declared <= WHOLE_BYTES && !headers.has("transfer-encoding") && !isCoded) {
    return readWhole(request, reservation, take);
  }
  return readChunks(request, reservation, take);
}

function readWhole<Body>(request: Request, reservation: Reservation, take: (bytes: Bytes) => Body): Promise<Body> {
  return new Promise((resolve, reject) => {
    const arrived = reservation.limits.timeout.start(() => reject(timedOut("the body did not arrive")));
    request.bytes().then((bytes) => {
      arrived();
      try {
        if (bytes.length > reservation.limits.maxBytes) throw tooLarge(reservation.limits.maxBytes);
        reservation.hold(bytes.length);
        if (bytes.length < LARGE) return resolve(take(bytes)); // hot path
        reservation.limits.turns.next().then(() => take(bytes)).then(resolve, reject);
      } catch (error) {
        reject(error);
      }
    }, () => {
      arrived();
      reject(endedEarly(request));
    });
  });
}

async function readChunks<Body>(
  request: Request,
  reservation: Reservation,
  take: (bytes: Bytes) => Body,
): Promise<Body> {
  const reader = decodedBody(request)?.getReader();
  if (!reader) return take(new Uint8Array());
  const { maxBytes } = reservation.limits, body = new ByteBuffer();
  let isLate = false;
  const arrived = reservation.limits.timeout.start(() => {
    isLate = true;
    void reader.cancel();
  });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const bytes = body.length + next.value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      reservation.hold(bytes);
      body.append(next.value);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw endedEarly(request);
    await reader.cancel();
    throw error;
  } finally {
    arrived();
  }
  if (isLate) throw timedOut("the body did not arrive");
  if (body.length >= LARGE) await reservation.limits.turns.next();
  return take(body.take());
}

/** Returns bytes as text. @throws {Problem} 400 when they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strictText(bytes);
  } catch {
    throw malformed("the body is not UTF-8 text");
  }
}

/** Parses JSON. @param what names the text in the problem. @throws {Problem} 400 saying what is wrong and where. */
export function parseJson(text: string, what: "the body" | "the line" | "the payload"): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`${what} is not JSON: ${(error as Error).message}`);
  }
  if (isNestedDeeper(text, MAX_LEVELS)) throw malformed(`${what} is nested more than ${MAX_LEVELS} levels deep`);
  const inexact = unlessTooDeep(() => inexactNumber(text));
  if (inexact === undefined) return value;
  throw malformed(`${what} has the number ${shorten(inexact, MAX_NUMBER)}, which JSON parsers change: send it as text`);
}

/** Returns the result of work that recurses into data. @throws {Problem} 400 at the end of the stack. */
export function unlessTooDeep<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw malformed("the data is nested too deeply");
    throw error;
  }
}

/** Returns the problem of a body whose end did not arrive, or that cannot be decoded. */
export function endedEarly(request: Request): Problem {
  return malformed(unreadable(request));
}

function tooLarge(maxBytes: number): Problem {
  return new Problem("too-large", `the body is larger than the limit of ${maxBytes} bytes`);
}
