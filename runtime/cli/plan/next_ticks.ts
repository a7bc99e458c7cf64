import { nextTicks } from "../../core/schedule.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { printable } from "../../telemetry/otel/logs/printable.ts";

/** Number of ticks that are shown of each schedule. */
const SHOWN = 3;

/** Formats the next ticks of each schedule, in UTC. Undefined for functions without a schedule. */
export function nextTicksText(functions: readonly ResolvedFunction[], nowMs: number): string | undefined {
  const lines = functions.flatMap(({ name, triggers }) =>
    triggers.flatMap(({ schedule }) => {
      if (!schedule) return [];
      const times = nextTicks(schedule, nowMs, SHOWN).map((ms) => new Date(ms).toISOString().replace(".000Z", "Z"));
      return [printable(`  ${name}  ${schedule.text}: ${times.join(", ")}`)];
    })
  );
  return lines.length === 0 ? undefined : ["next ticks:", ...lines].join("\n");
}
