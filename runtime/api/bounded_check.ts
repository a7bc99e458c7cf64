import type { z } from "zod";

/** Greatest number of issues that are listed for one event. A caller mends those and sends the event again. */
export const MAX_ISSUES = 50;
/** Issues at which a list or an object is checked no further: enough to say how many there are in most cases. */
const MAX_COUNTED = 1_000;

type Node = z.core.$ZodType;

/**
 * Result so far of the object or list around the value that is being checked. Zod checks synchronously, so one variable
 * is enough.
 */
let around: { readonly issues: readonly unknown[] } | undefined;
const bounded = new WeakSet<Node>();

/**
 * Bounds the work of a schema on data that does not match it. Without it zod creates an issue for each fault: a
 * megabyte of `{}` in a list made gigabytes of issues.
 */
export function boundIssues(node: Node): void {
  if (bounded.has(node)) return;
  bounded.add(node);
  const run = node._zod.run;
  node._zod.run = (payload, context) => {
    const outer = around;
    // Invariant: a value is left unchecked only if the value around it has issues already, and is refused in any case.
    if (outer && outer.issues.length >= MAX_COUNTED) return payload;
    around = payload;
    try {
      return run(payload, context);
    } finally {
      around = outer;
    }
  };
  for (const part of partsOf(node)) boundIssues(part);
}

/** Returns the schemas that a schema consists of. */
function partsOf(node: Node): Node[] {
  const { def, innerType } = node._zod as unknown as { def: Record<string, unknown>; innerType: Node };
  if (def.type === "lazy") return [innerType];
  return Object.keys(def).filter((name) => name !== "defaultValue").flatMap((name) => {
    const value = def[name];
    if (isSchema(value)) return [value];
    return typeof value === "object" && value !== null ? Object.values(value).filter(isSchema) : [];
  });
}

function isSchema(value: unknown): value is Node {
  return typeof (value as Node | undefined)?._zod?.run === "function";
}
