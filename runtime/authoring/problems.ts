/** Everything that keeps Weir from starting, found in one go, so that it can be mended in one go. */
export class StartupProblems extends Error {
  override readonly name = "StartupProblems";

  constructor(
    /** One line each: where, what, and what to do. */
    readonly problems: readonly string[],
  ) {
    super(
      `${problems.length} ${problems.length === 1 ? "problem" : "problems"}:\n  - ${problems.join("\n  - ")}`,
    );
  }
}

/** The two names, quoted and joined, for a message that offers what would have been right. */
export function oneOf(names: Iterable<string>): string {
  const quoted = [...names].map((name) => `"${name}"`);
  return quoted.length === 0 ? "none" : quoted.join(", ");
}
