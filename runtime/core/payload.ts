import { strictText } from "./strict_text.ts";

const ENCODER = new TextEncoder();
export const JSON_TYPE = "application/json";

/** Forms of the data that a function on subject patterns may ask for. */
export const DECODE_MODES = ["json", "text", "bytes"] as const;

/** Form of the data of a raw message: parsed JSON, text, or the bytes themselves. */
export type DecodeMode = typeof DECODE_MODES[number];

/**
 * Decodes the payload of a message. JSON is parsed if there is no content type.
 *
 * @param mode Form of the data, whatever the content type. Default: by the content type.
 * @throws {Error} when the payload is not of that form, without quoting it.
 */
export function decodePayload(payload: Uint8Array, contentType: string, mode = modeOf(contentType)): unknown {
  // A copy: the payload is part of a read buffer, and is stored again as it is if the attempt fails.
  if (mode === "bytes") return new Uint8Array(payload);
  let text: string;
  try {
    text = strictText(payload);
  } catch {
    throw new Error(`the payload (${payload.length} bytes) is not UTF-8 text`);
  }
  if (mode === "text") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    // The quote of the text in V8's message is dropped: this message is logged, and payloads are not.
    const why = (error as Error).message.replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, "");
    throw new Error(`the payload (${payload.length} bytes) is not JSON: ${why}`);
  }
}

function modeOf(contentType: string): DecodeMode {
  if (contentType === "" || contentType === JSON_TYPE || /^(application|text)\/(json|.*\+json)$/.test(contentType)) {
    return "json";
  }
  return contentType.startsWith("text/") ? "text" : "bytes";
}

/**
 * Converts the data of a structured CloudEvent, which its envelope holds as JSON or as bytes.
 *
 * @throws {Error} when the data is not of that form.
 */
export function convertData(data: unknown, mode: DecodeMode): unknown {
  if (data instanceof Uint8Array) return decodePayload(data, "", mode);
  if (mode === "json") return data;
  const text = data === undefined ? "" : typeof data === "string" ? data : JSON.stringify(data);
  return mode === "text" ? text : ENCODER.encode(text);
}
