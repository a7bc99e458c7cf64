import { z } from "zod";
import { indentedJson } from "../core/indented_json.ts";

/** An event as it was in its stream, for a test to replay. `deno task events record` writes its file. */
export interface RecordedEvent {
  /** A tag that distinguishes a recorded event from data. */
  readonly kind: "recorded";
  /** The NATS subject. */
  readonly subject: string;
  /** The stream that held the event. */
  readonly stream: string;
  /** The sequence in the stream, from 1. */
  readonly sequence: number;
  /** The time at which the stream stored the event, as an RFC 3339 timestamp. */
  readonly time: string;
  /** The headers. Names keep their case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The payload, byte for byte. */
  readonly payload: Uint8Array;
}

/** The version of the file format. */
const FORMAT = 1;

const schema = z.object({
  weir: z.literal(FORMAT, `not ${FORMAT}: the file is from another version of Weir`),
  subject: z.string().min(1),
  stream: z.string().min(1),
  sequence: z.int().min(1),
  time: z.string().refine((text) => !Number.isNaN(Date.parse(text)), "not a time such as 2026-11-21T10:00:00Z"),
  // z.record() drops a header named __proto__.
  headers: z.custom<Record<string, string>>(isStrings, "not an object of strings"),
  data: z.unknown().optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
});

function isStrings(given: unknown): boolean {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  return Object.values(given).every((value) => typeof value === "string");
}

/**
 * Reads a recorded event from a file that `deno task events record` wrote. You may edit the file. The payload is the
 * JSON of `data`, the characters of `text`, or the bytes of `base64`.
 *
 * @param pathOrUrl A path relative to the working directory, or a URL such as `new URL("order.json", import.meta.url)`.
 * @throws {Error} with the name of the file and the mistake.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertAcked, invoke, loadEvent } from "weir/testing";
 *
 * const file = await Deno.makeTempFile({ suffix: ".json" }); // a real one is kept beside the test
 * const recorded = { weir: 1, subject: "demo.asked", stream: "DEMO", sequence: 12, time: "2026-11-21T10:00:00Z" };
 * await Deno.writeTextFile(file, JSON.stringify({ ...recorded, headers: {}, data: { name: "Ada" } }));
 * const greet = defineFunction({ on: "demo.asked" }, ({ data }, ctx) => ctx.log.info("asked", { data }));
 *
 * assertAcked(await invoke(greet, await loadEvent(file)));
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
    const fix = "record one with `deno task events record TYPE --out FILE`";
    throw new Error(`${file} is not a recorded event: ${(error as Error).message}; ${fix}`, { cause: error });
  }
}

/** Parses the text of a recording. @throws {Error} with the mistake. */
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
  const fields = (["data", "text", "base64"] as const).filter((name) => Object.hasOwn(given as object, name));
  if (fields.length !== 1) {
    throw new Error(`it must have one of data, text and base64, and it has ${fields.length}`);
  }
  return { kind: "recorded", ...rest, payload: payloadOf(fields[0] === "data" ? JSON.stringify(data) : text, base64) };
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
 * Returns the text of a recording. The payload is written as `data` if it is compact JSON, else as `text` if it is
 * UTF-8, else as `base64`, so reading it returns the same bytes.
 */
export function writeRecording({ kind: _, payload, ...rest }: RecordedEvent): string {
  return `${indentedJson({ weir: FORMAT, ...rest, ...encode(payload) })}\n`;
}

function encode(payload: Uint8Array): { data: unknown } | { text: string } | { base64: string } {
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
