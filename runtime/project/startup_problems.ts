/** Every fault that prevents a start, so that the author can fix all at once. */
export class StartupProblems extends Error {
  override readonly name = "StartupProblems";
  readonly code = "startup-problems";

  constructor(
    /** One line for each fault: location, cause and fix. */
    readonly problems: readonly string[],
    /** Whether the cause of all problems is outside the project. The same files may then start later. */
    readonly transient: boolean = false,
  ) {
    super(
      `${problems.length} ${problems.length === 1 ? "problem" : "problems"}:\n  - ${problems.join("\n  - ")}`,
    );
  }
}

/** Names in a message. A stream may have a hundred thousand subjects. */
const MAX_NAMES = 30;

/** Joins quoted names, for a message that lists the valid ones. */
export function oneOf(names: Iterable<string>): string {
  const all = [...names], quoted = all.slice(0, MAX_NAMES).map((name) => `"${name}"`);
  if (all.length > MAX_NAMES) quoted.push(`and ${all.length - MAX_NAMES} more`);
  return quoted.length === 0 ? "none" : quoted.join(", ");
}
