import { nearest } from "../core/did_you_mean.ts";

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

/** What to tell someone who named an event type that there is not: what was probably meant, or all there are. */
export function unknownType(type: string, types: Iterable<string>): string {
  const known = [...types], meant = nearest(type, known);
  const help = meant === undefined ? `; there are: ${oneOf(known)}` : `: did you mean "${meant}"?`;
  return `no event has the type "${type}"${help}`;
}
