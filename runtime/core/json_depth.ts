const QUOTE = 0x22, BACKSLASH = 0x5c;
/** Codes of `[` and `{`, and of `]` and `}`. */
const OPENS = new Set([0x5b, 0x7b]), CLOSES = new Set([0x5d, 0x7d]);

/**
 * Returns whether JSON has arrays and objects within each other at more than a number of levels. It must be valid JSON.
 */
export function isNestedDeeper(json: string, levels: number): boolean {
  if (json.length <= 2 * levels) return false; // hot path: each level has two brackets
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfText(json, at);
    else if (OPENS.has(code)) {
      if (++depth > levels) return true;
    } else if (CLOSES.has(code)) depth--;
  }
  return false;
}

/** Returns the position of the quote that ends a text. */
function endOfText(json: string, from: number): number {
  for (let at = from;;) {
    at = json.indexOf('"', at + 1);
    let before = at - 1;
    while (json.charCodeAt(before) === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at; // no backslash escapes it
  }
}
