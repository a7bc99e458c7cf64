import { z } from "zod";

/**
 * An event as it was in its stream, for a test to replay: `deno task events record` makes its file.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertAcked, invoke, type RecordedEvent } from "weir/testing";
 *
 * // As `loadEvent` reads it from a file; here one of a publisher who knows nothing of CloudEvents.
 * const event: RecordedEvent = {
 *   kind: "recorded",
 *   subject: "legacy.orders",
 *   stream: "LEGACY",
 *   sequence: 1,
 *   time: "2026-11-21T10:00:00Z",
 *   headers: {},
 *   payload: new TextEncoder().encode('{"order":1}'),
 * };
 * assertAcked(await invoke(defineFunction({ on: "legacy.>" }, () => {}), event));
 * ```
 */
export interface RecordedEvent {
  /** What tells it from an event's data. */
  readonly kind: "recorded";
  /** The NATS subject it came on. */
  readonly subject: string;
  /** The stream that it was taken from. */
  readonly stream: string;
  /** Its position in the stream, from 1. */
  readonly sequence: number;
  /** When the stream stored it: an RFC 3339 timestamp. */
  readonly time: string;
  /** Its headers, with the names as they came. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its payload, byte for byte. */
  readonly payload: Uint8Array;
}

/** What a file says of its own format. */
const FORMAT = 1;

const schema = z.object({
  weir: z.literal(FORMAT, `not ${FORMAT}: it is of another Weir`),
  subject: z.string().min(1),
  stream: z.string().min(1),
  sequence: z.int().min(1),
  time: z.string().refine((text) => !Number.isNaN(Date.parse(text)), "not a time such as 2026-11-21T10:00:00Z"),
  // Not a record: that leaves out a header called __proto__.
  headers: z.custom<Record<string, string>>(isTexts, "not an object of texts"),
  data: z.unknown().optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
});

function isTexts(given: unknown): boolean {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  return Object.values(given).every((value) => typeof value === "string");
}

/**
 * Reads a file that `deno task events record` has written. It may be edited: the payload is its `data` as compact JSON,
 * or its `text`, or what its `base64` stands for.
 *
 * @param pathOrUrl a path from where the test runs, or a URL such as `new URL("order.json", import.meta.url)`
 * @throws {Error} naming the file and what is wrong with it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { assertAcked, invoke, loadEvent } from "weir/testing";
 *
 * const file = await Deno.makeTempFile({ suffix: ".json" }); // yours is beside the test, and kept
 * await Deno.writeTextFile(
 *   file,
 *   JSON.stringify({
 *     weir: 1,
 *     subject: "demo.asked",
 *     stream: "DEMO",
 *     sequence: 12,
 *     time: "2026-11-21T10:00:00Z",
 *     headers: { "ce-id": "a1", "ce-type": "demo.asked", "ce-source": "/shop" },
 *     data: { name: "Ada" },
 *   }),
 * );
 * const greet = defineFunction({ on: "demo.asked" }, ({ data }, ctx) => ctx.log.info("asked", { data }));
 *
 * const event = await loadEvent(file);
 * assertAcked(await invoke(greet, event));
 * assert.equal(event.headers["ce-id"], "a1");
 * await Deno.remove(file);
 * ```
 */
export async function loadEvent(pathOrUrl: string | URL): Promise<RecordedEvent> {
  const file = typeof pathOrUrl === "string" && /^file:/.test(pathOrUrl) ? new URL(pathOrUrl) : pathOrUrl;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`cannot read the recorded event ${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return readRecording(text);
  } catch (error) {
    const todo = "record one with `deno task events record TYPE --out FILE`";
    throw new Error(`${file} is not a recorded event: ${(error as Error).message}; ${todo}`, { cause: error });
  }
}

/** The event that a recording's text stands for. @throws {Error} saying what is wrong with it. */
export function readRecording(json: string): RecordedEvent {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = schema.safeParse(given);
  if (!result.success) {
    throw new Error(result.error.issues.map(({ path, message }) => [...path, message].join(": ")).join("; "));
  }
  const { weir: _, data, text, base64, ...rest } = result.data;
  const ways = (["data", "text", "base64"] as const).filter((name) => Object.hasOwn(given as object, name));
  if (ways.length !== 1) {
    throw new Error(`its payload is to be one of data, text and base64, and it has ${ways.length}`);
  }
  return { kind: "recorded", ...rest, payload: payloadOf(ways[0] === "data" ? JSON.stringify(data) : text, base64) };
}

function payloadOf(text: string | undefined, base64: string | undefined): Uint8Array {
  if (text !== undefined) return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromBase64(base64 ?? "");
  } catch (error) {
    throw new Error(`base64: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * A recording's text: the payload as `data` where it is compact JSON, else as `text` where it is UTF-8, else as
 * `base64`. Whichever it is, it is the same bytes again when it is read.
 */
export function writeRecording({ kind: _, payload, ...rest }: RecordedEvent): string {
  return `${JSON.stringify({ weir: FORMAT, ...rest, ...written(payload) }, null, 2)}\n`;
}

function written(payload: Uint8Array): { data: unknown } | { text: string } | { base64: string } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return { base64: payload.toBase64() };
  }
  try {
    const data: unknown = JSON.parse(text);
    return JSON.stringify(data) === text ? { data } : { text };
  } catch {
    return { text };
  }
}
