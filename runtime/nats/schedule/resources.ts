import type { Namespace } from "../../core/namespace.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { publish } from "../topology/permissions.ts";
import type { Resources } from "../topology/resources.ts";

/** Returns what the ticks of schedules need besides their stream, which is one of the project's streams. */
export function scheduleResources(functions: readonly ResolvedFunction[], names: Namespace): Resources {
  const ticks = functions.flatMap(({ triggers }) => triggers.filter(({ schedule }) => schedule));
  const subjects = ticks.map(({ pattern }) => names.subject(pattern));
  return {
    permissions: publish("to publish ticks of schedules", ...subjects.flatMap((one) => [one, beginningOf(one)])),
  };
}

/** Returns the subject of the message that marks when a schedule began. No consumer takes it. */
export function beginningOf(subject: string): string {
  return `${subject}.begun`;
}
