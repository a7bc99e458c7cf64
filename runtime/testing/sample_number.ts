type Node = Readonly<Record<string, unknown>>;

/** Numbers to choose from: from 1 up where the schema lets them, since small ones are easy to read. */
const CHOICE = 100;

/** Numbers that a schema takes, small and whole ones where it can be; undefined when there is no multiple in its bounds. */
export function smallNumbers(node: Node): { enum: number[] } | undefined {
  const { multipleOf } = node as { multipleOf?: number };
  const step = multipleOf ?? 1;
  const low = bound(node, "minimum", "exclusiveMinimum", -Infinity, step);
  const high = bound(node, "maximum", "exclusiveMaximum", Infinity, step);
  const least = Math.ceil(low / step), most = Math.floor(high / step);
  if (most < least) return undefined;
  const first = Math.ceil(1 / step);
  const from = Math.max(least, most < first ? most - CHOICE + 1 : first);
  const values = Array.from({ length: Math.min(CHOICE, most - from + 1) }, (_, i) => tidy((from + i) * step));
  return { enum: values };
}

function bound(node: Node, inclusive: string, exclusive: string, none: number, step: number): number {
  const at = node[inclusive] as number | undefined, beyond = node[exclusive] as number | undefined;
  const inward = none < 0 ? 1 : -1;
  const nearest = beyond === undefined ? none : beyond + inward * (beyond % step === 0 ? step : 0);
  return none < 0 ? Math.max(at ?? none, nearest) : Math.min(at ?? none, nearest);
}

/** Without what is only the inexactness of fractions in binary. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
