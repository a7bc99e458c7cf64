import stringWidth from "string-width";

/** Returns the columns of a text. Most texts are ASCII, for which its length is exact and faster. */
export function width(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}

export function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - width(text)));
}

/** Cuts a text to a number of columns, with an ellipsis as the last. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "", left = columns - 1;
  for (const char of text) {
    left -= width(char);
    if (left < 0) break;
    kept += char;
  }
  return `${kept}…`;
}
