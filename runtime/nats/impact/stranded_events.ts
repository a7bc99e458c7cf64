import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { moveCommandOf } from "../move/move_position.ts";
import type { Step } from "../topology/step.ts";
import type { WaitingEvents } from "./waiting_events.ts";

/** A type or pattern that a function has in another stream now, and the stream that its consumer still takes it from. */
export interface ChangedStream {
  readonly functionName: string;
  readonly pattern: string;
  /** Filter of the consumer: the pattern as a subject in NATS. */
  readonly filter: string;
  readonly from: string;
  readonly to: string;
  /** True if no process pulls from the old consumer: the function has no other trigger on that stream. */
  readonly isLeft: boolean;
}

/** Returns what has changed its stream by a plan, for each function. */
export function changedStreams(
  steps: readonly Step[],
  functions: readonly Pick<ResolvedFunction, "name" | "triggers">[],
  names: Namespace = NO_NAMESPACE,
): ChangedStream[] {
  return steps.flatMap((step) => {
    if (step.what !== "consumer" || step.stream === names.retries.stream) return [];
    const functionName = names.functionOf(step.name),
      triggers = functions.find(({ name }) => name === functionName)?.triggers;
    return removedFilters(step).flatMap((filter) => {
      const pattern = names.typeOf(filter, step.stream);
      const trigger = triggers?.find((one) => covers(one.pattern, pattern) && names.stream(one.stream) !== step.stream);
      if (!trigger) return [];
      const to = names.stream(trigger.stream);
      return [{ functionName, pattern, filter, from: step.stream, to, isLeft: step.kind === "moved" }];
    });
  });
}

function removedFilters(step: Step): readonly string[] {
  if (step.kind === "moved") return step.filters;
  if (step.kind !== "update") return [];
  const { from = [], to = [] } = step.changes.find(({ field }) => field === "filter_subjects") ?? {};
  return (from as string[]).filter((filter) => !(to as string[]).some((other) => covers(other, filter)));
}

/** Returns a warning for each type or pattern of which events wait for a function in the stream that it has left. */
export async function strandedWarnings(
  nc: Pick<NatsConnection, "request">,
  changed: readonly ChangedStream[],
  waiting: readonly WaitingEvents[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const one of changed) {
    const { functionName, from: stream, filter: subject, pattern } = one;
    const found = waiting.find((other) => other.functionName === functionName && other.stream === stream);
    if (!found) continue;
    const exact = found.filters.length === 1 ? found.count : undefined;
    const count = exact ?? await countMessages(nc, { stream, subject, from: found.from }).catch(() => undefined);
    if (count === 0) continue;
    const what = `${functionName}: ${
      count ?? "unhandled"
    } events of ${pattern} wait in ${stream}, and it has them in ${one.to} now`;
    const advice = one.isLeft
      ? `no process pulls them from there: \`deno task ${
        moveCommandOf({ ...one, type: pattern })
      }\` sends them to it, before ` +
        "`apply --prune`"
      : `its processes handle them as before until \`deno task apply\` takes them from its consumer on ${stream}: apply it ` +
        "once they are handled";
    warnings.push(`${what}. ${advice[0].toUpperCase()}${advice.slice(1)}`);
  }
  return warnings;
}
