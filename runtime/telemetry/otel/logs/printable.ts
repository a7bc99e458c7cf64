/** Control characters and line breaks: a terminal obeys them, and they end a line. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
/**
 * All of them, and characters that change how a line reads: bidirectional overrides, invisible characters and lone
 * surrogates. Joiners stay, which emoji and several scripts need.
 */
const UNPRINTABLE = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]--[\u200c\u200d]]/gv;
const PLAIN = /^[ -~]*$/;

/** Returns a text as one line for people: control characters become a space, other unprintable ones `\u{…}`. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(CONTROL, " ").replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** Returns a text for people that keeps its line breaks. */
export function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printable).join("\n");
}

/** Returns JSON of the same value in which unprintable characters are escaped. Line breaks between values stay. */
export function printableJson(json: string): string {
  if (PLAIN.test(json)) return json;
  return json.replace(UNPRINTABLE, (char) => char === "\n" ? char : char.split("").map(escapeUnit).join(""));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
