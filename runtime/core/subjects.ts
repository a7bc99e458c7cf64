/** NATS subjects are tokens between dots. `*` stands for one token, and a last `>` for at least one token. */

/** Returns the fault of a subject pattern, or undefined for a correct one. */
export function subjectProblem(pattern: string): string | undefined {
  const tokens = pattern.split(".");
  if (pattern === "" || tokens.some((token) => token === "")) return "it has an empty token";
  // deno-lint-ignore no-control-regex -- NATS refuses control characters in a subject
  if (/[\s\u0000-\u001f\u007f]/.test(pattern)) return "it has white space or a control character";
  if (tokens.some((token) => token.length > 1 && /[*>]/.test(token))) {
    return "a wildcard must be a whole token";
  }
  if (tokens.slice(0, -1).includes(">")) return "`>` is only allowed as the last token";
  return undefined;
}

/** Returns true if a subject pattern has a wildcard, with which it matches many subjects. */
export function isWildcard(pattern: string): boolean {
  return pattern.split(".").some((token) => token === "*" || token === ">");
}

/** Returns true if some subject matches both patterns. */
export function overlaps(a: string, b: string): boolean {
  const as = a.split("."), bs = b.split(".");
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    if (as[i] === undefined || bs[i] === undefined) return false;
    if (as[i] === ">" || bs[i] === ">") return true;
    if (as[i] !== bs[i] && as[i] !== "*" && bs[i] !== "*") return false;
  }
  return true;
}

/**
 * Returns `patterns` plus each of `others` that no pattern covers. A pattern that an added pattern covers is left out.
 */
export function unite(patterns: readonly string[], others: readonly string[]): string[] {
  const added = others.filter((other) => !patterns.some((pattern) => covers(pattern, other)));
  return [...patterns.filter((pattern) => !added.some((other) => covers(other, pattern))), ...added];
}

/** Returns true if every subject that matches `inner` matches `outer`. */
export function covers(outer: string, inner: string): boolean {
  const outers = outer.split("."), inners = inner.split(".");
  for (let i = 0; i < outers.length; i++) {
    if (inners[i] === undefined) return false;
    if (outers[i] === ">") return true;
    if (inners[i] === ">" || (outers[i] !== "*" && outers[i] !== inners[i])) return false;
  }
  return outers.length === inners.length;
}
