const LENIENT = new TextDecoder(), STRICT = new TextDecoder("utf-8", { fatal: true });
/** Replacement character of a lenient UTF-8 decoder. */
const REPLACEMENT = "\ufffd";

/**
 * Decodes bytes that must be UTF-8. Hot path: the strict decoder is slower, so the lenient decoder runs first, see
 * bench.
 *
 * @throws {TypeError} if they are not
 */
export function strictText(bytes: Uint8Array): string {
  const text = LENIENT.decode(bytes);
  return text.includes(REPLACEMENT) ? STRICT.decode(bytes) : text;
}
