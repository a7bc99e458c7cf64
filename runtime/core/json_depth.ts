const QUOTE = 0x22, BACKSLASH = 0x5c;
/** `[` and `{` differ from each other in one bit, as `]` and `}` do. */
const BIT = 0x20, OPENS = 0x7b, CLOSES = 0x7d;

/**
 * Returns whether JSON has arrays and objects within each other at more than a number of levels. It must be valid JSON.
 */
export function isNestedDeeper(json: string, levels: number): boolean {
  const { length } = json;
  if (length <= 2 * levels || !hasMoreBrackets(json, levels)) return false; // hot path
  let depth = 0, isText = false;
  for (let at = 0; at < length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) isText = !isText;
    else if (isText) {
      if (code === BACKSLASH) at++; // the next character is escaped
    } else if ((code | BIT) === OPENS) {
      if (++depth > levels) return true;
    } else if ((code | BIT) === CLOSES) depth--;
  }
  return false;
}

/** Returns whether a text has more opening brackets than a number. The search for one is far quicker than a loop. */
function hasMoreBrackets(json: string, count: number): boolean {
  for (const bracket of ["[", "{"]) {
    for (let at = json.indexOf(bracket); at >= 0; at = json.indexOf(bracket, at + 1)) if (--count < 0) return true;
  }
  return false;
}
