/** Greatest number of characters that are read of an error, and that a pattern has. */
const MAX_READ = 2_000, MAX_PATTERN = 300;
/** Placeholders of a text in quotes, and of a word with a digit. */
const QUOTED = "…", NUMBER = "#";
/** Words before a number that names a cause. */
const NAMES_CAUSE = /\b(HTTP|status|status code|code|errno)[ :=(]*$/i;

/**
 * Returns what errors of one cause have in common: the first line, without quoted texts, ids and numbers. A number
 * after `HTTP`, `status`, `code` or `errno` stays, since it names the cause.
 */
export function errorPattern(error: string): string {
  const line = error.slice(0, MAX_READ).split("\n", 1)[0];
  const unquoted = line.replaceAll(/"[^"]*"|`[^`]*`|(?<![\w'])'[^']*'(?!\w)/g, (text) => text[0] + QUOTED + text[0]);
  const withoutIds = unquoted.replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, NUMBER);
  const pattern = withoutIds.replaceAll(/\w+/g, (word, at: number) => {
    if (!/\d/.test(word) || /^\d{1,5}$/.test(word) && NAMES_CAUSE.test(withoutIds.slice(Math.max(0, at - 20), at))) {
      return word;
    }
    return NUMBER;
  });
  return pattern.length > MAX_PATTERN ? `${pattern.slice(0, MAX_PATTERN).toWellFormed()}…` : pattern;
}
