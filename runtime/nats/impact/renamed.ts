import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Step, StepOf } from "../topology/step.ts";

type NewConsumer = StepOf<"create"> & { readonly what: "consumer" };
type Orphan = StepOf<"orphan" | "moved">;

/**
 * Returns a warning for each new function with the same triggers as the consumers of a function that is gone. The
 * function was probably renamed: it would handle again what was handled under the old name.
 */
export function renamedWarnings(steps: readonly Step[], names: Namespace = NO_NAMESPACE): string[] {
  const retries = names.retries.stream;
  const created = steps.filter((step): step is NewConsumer => step.kind === "create" && step.what === "consumer");
  const orphans = steps.filter((step): step is Orphan => step.kind === "orphan");
  const own = created.filter(({ stream }) => stream !== retries);
  const former = Map.groupBy(orphans.filter(({ stream }) => stream !== retries), ({ name }) => name);
  return [...Map.groupBy(own, ({ name }) => name)].flatMap(([name, consumers]) => {
    const same = [...former].filter(([, orphans]) => triggersOf(consumers) === triggersOf(orphans.map(toFilters)));
    return same.flatMap(([old, left]) => {
      return warning(names.functionOf(name), consumers, names.functionOf(old), left) ?? [];
    });
  });
}

function toFilters({ stream, filters }: Orphan) {
  return { stream, config: { filter_subjects: filters } };
}

/** Returns the triggers of a function as one text, in an order that two functions share. */
function triggersOf(
  consumers: readonly { stream: string; config: { filter_subjects?: readonly string[] } }[],
): string {
  const all = consumers.flatMap(({ stream, config }) => {
    return (config.filter_subjects ?? []).map((subject) => `${stream} ${subject}`);
  });
  return all.sort().join(", ");
}

function warning(name: string, consumers: NewConsumer[], old: string, left: Orphan[]): string | undefined {
  const waiting = left.reduce((sum, { backlog }) => sum + backlog.pending + backlog.unsettled, 0);
  const counts = consumers.map((step) => step.waiting);
  const begins = counts.every((one) => one !== undefined) ? counts.reduce((sum, one) => sum + one, 0) : undefined;
  if (begins === 0 && waiting === 0) return undefined;
  const handled = begins === undefined ? undefined : Math.max(0, begins - waiting);
  const again = handled === undefined
    ? "handles again all stored events that it has handled"
    : `begins with ${begins} stored events, of which ${old} has handled about ${handled}: they are handled again`;
  return `${name} is new, with the triggers of ${old}, which the project does not have: renamed? ${name} ${again}, and ${waiting} wait for ` +
    `${old} alone. \`name: "${old}"\` in its options goes on where ${old} was, and \`from: "new"\` handles new events only`;
}
