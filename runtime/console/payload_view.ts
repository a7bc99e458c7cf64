/** Bytes of a payload that a page gets; the rest is in the download. */
const MAX_BYTES = 262_144;
/** Characters of a preview. */
const MAX_PREVIEW = 300;
/** Bytes that are decoded for a preview: a character takes up to four. */
const PREVIEW_BYTES = 4 * MAX_PREVIEW;

const STRICT = new TextDecoder("utf-8", { fatal: true }), LENIENT = new TextDecoder();

/** A payload as a page shows it: as JSON, as text, or as bytes. */
interface PayloadView {
  readonly bytes: number;
  readonly data?: unknown;
  readonly text?: string;
  readonly base64?: string;
  /** The text of JSON data, in which numbers are as they were sent. */
  readonly raw?: string;
  readonly truncated?: true;
}

/** Returns a payload for a page. */
export function payloadView(payload: Uint8Array): PayloadView {
  const bytes = payload.length;
  if (bytes > MAX_BYTES) {
    return { bytes, text: LENIENT.decode(payload.subarray(0, MAX_BYTES)), truncated: true };
  }
  try {
    const raw = STRICT.decode(payload);
    try {
      return { bytes, data: JSON.parse(raw), raw };
    } catch {
      return { bytes, text: raw };
    }
  } catch {
    return { bytes, base64: payload.toBase64() };
  }
}

/** Returns the beginning of a payload as text of one line. */
export function previewOf(payload: Uint8Array): string {
  const text = LENIENT.decode(payload.subarray(0, PREVIEW_BYTES)).replace(/\s+/g, " ");
  return text.length > MAX_PREVIEW ? `${text.slice(0, MAX_PREVIEW).toWellFormed()}…` : text;
}
