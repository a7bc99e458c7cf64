/** How much of an error's text a header carries, in bytes: enough to know it, never enough to refuse it. */
const ERROR_LIMIT = 1_000;
const UTF8 = new TextEncoder();

/** Text made fit for a header: on one line, without control characters, and cut. */
export function headerText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not get into a header
  const line = text.toWellFormed().replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  if (UTF8.encode(line).length <= ERROR_LIMIT) return line;
  const { read } = UTF8.encodeInto(line, new Uint8Array(ERROR_LIMIT - 1));
  return line.slice(0, read) + "…";
}
