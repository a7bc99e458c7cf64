import { type ResolvedFunction, triggerFor } from "./resolve_function.ts";

/** A function that a function's emitted event reaches. */
interface Step {
  readonly to: ResolvedFunction;
  readonly type: string;
}

/**
 * Warns of functions that emit each other's triggers, one line for each cycle. A cycle may be intended: a handler can
 * end it by not emitting.
 */
export function cycleWarnings(functions: readonly ResolvedFunction[]): string[] {
  const stepsOf = (from: ResolvedFunction): Step[] =>
    functions.flatMap((to) => {
      const event = from.emits.find(({ type }) => triggerFor(to, type));
      return event ? [{ to, type: event.type }] : [];
    });
  const steps = new Map(functions.map((fn) => [fn, stepsOf(fn)])), told = new Set<ResolvedFunction>();
  return functions.flatMap((fn) => {
    const cycle = told.has(fn) ? undefined : cycleFrom(fn, steps);
    if (!cycle) return [];
    for (const { to } of cycle) told.add(to);
    const way = cycle.map(({ to, type }) => ` → ${type} → ${to.name}`).join("");
    const what = `it emits what leads back to it: ${fn.name}${way}`;
    return [`${fn.file}: ${what}. A chain of more than ${fn.policy.maxHops} events ends as dead letter \`looped\``];
  });
}

/** Returns the shortest way from a function back to itself, or undefined if there is none. */
function cycleFrom(start: ResolvedFunction, steps: ReadonlyMap<ResolvedFunction, readonly Step[]>): Step[] | undefined {
  const seen = new Set<ResolvedFunction>(), ways: Step[][] = [[]];
  for (const way of ways) { // visits what is added meanwhile
    for (const step of steps.get(way.at(-1)?.to ?? start) ?? []) {
      if (step.to === start) return [...way, step];
      if (!seen.has(step.to)) ways.push([...way, step]);
      seen.add(step.to);
    }
  }
  return undefined;
}
