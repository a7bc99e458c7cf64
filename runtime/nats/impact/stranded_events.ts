import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { moveCommandOf } from "../move/move_position.ts";
import type { Step } from "../topology/step.ts";
import type { WaitingEvents } from "./waiting_events.ts";

/** A type or pattern that a function listens to. */
export interface Listening {
  readonly functionName: string;
  readonly pattern: string;
  /** Name of the stream in NATS. */
  readonly stream: string;
}

/**
 * A type or pattern that a function has in another stream now, and the stream that its consumer still takes it from.
 */
export interface ChangedStream {
  readonly functionName: string;
  readonly pattern: string;
  /** The pattern as a subject in NATS. */
  readonly filter: string;
  readonly from: string;
  readonly to: string;
  /** True if no process pulls from the old consumer: the function has no other trigger on that stream. */
  readonly isLeft: boolean;
}

/** Events that a function has not handled in the stream that their type has left. */
export interface StrandedEvents extends ChangedStream {
  /** Undefined when the server did not say. */
  readonly count: number | undefined;
}

/** Returns what has changed its stream by a plan, for each function. */
export function changedStreams(
  steps: readonly Step[],
  listening: readonly Listening[],
  names: Namespace = NO_NAMESPACE,
): ChangedStream[] {
  return steps.flatMap((step) => {
    if (step.what !== "consumer" || step.stream === names.retries.stream) return [];
    const functionName = names.functionOf(step.name), { removed, kept } = filtersAfter(step);
    const elsewhere = listening.filter((one) => one.functionName === functionName && one.stream !== step.stream);
    const changed = removed.flatMap((filter) => {
      const type = names.typeOf(filter, step.stream), prefix = filter.slice(0, filter.length - type.length);
      return elsewhere.flatMap(({ pattern: other, stream: to }) => {
        const pattern = covers(other, type) ? type : other;
        if (!covers(type, pattern) || kept.some((one) => covers(one, prefix + pattern))) return [];
        return [{
          functionName,
          pattern,
          filter: prefix + pattern,
          from: step.stream,
          to,
          isLeft: step.kind === "moved",
        }];
      });
    });
    return changed.filter(({ filter }, i) => changed.findIndex((one) => one.filter === filter) === i);
  });
}

/** Returns the filters that a step takes from a consumer, and those that it leaves. */
function filtersAfter(step: Step): { readonly removed: readonly string[]; readonly kept: readonly string[] } {
  if (step.kind === "moved") return { removed: step.filters, kept: [] };
  const change = step.kind === "update" && step.changes.find(({ field }) => field === "filter_subjects");
  if (!change) return { removed: [], kept: [] };
  const kept = change.to as string[];
  return { removed: (change.from as string[]).filter((one) => !kept.some((other) => covers(other, one))), kept };
}

/** Counts what waits in the streams that types have left. Where nothing waits is left out. */
export async function strandedEvents(
  nc: Pick<NatsConnection, "request">,
  changed: readonly ChangedStream[],
  waiting: readonly WaitingEvents[],
): Promise<StrandedEvents[]> {
  const all = await Promise.all(changed.map(async (one) => {
    const { functionName, from: stream, filter: subject } = one;
    const found = waiting.find((other) => other.functionName === functionName && other.stream === stream);
    if (!found) return { ...one, count: 0 };
    const exact = found.filters.length === 1 && found.filters[0] === subject ? found.count : undefined;
    const count = exact ?? await countMessages(nc, { stream, subject, from: found.from }).catch(() => undefined);
    return { ...one, count };
  }));
  return all.filter(({ count }) => count !== 0);
}

/** Returns a warning for each type or pattern of which events wait for a function in the stream that it has left. */
export function strandedWarnings(stranded: readonly StrandedEvents[]): string[] {
  return stranded.map((one) => {
    const command = `\`deno task ${moveCommandOf({ ...one, type: one.pattern })}\``;
    const advice = one.isLeft
      ? `No process pulls them from there: ${command} sends them to it, before \`apply --prune\``
      : `Its processes handle them as before, and \`deno task apply\` takes them from its consumer on ${one.from} only ` +
        "once they are handled";
    return `${one.functionName}: ${strandedText(one)}. ${advice}`;
  });
}

/** Says what waits where, as the beginning of a sentence. */
export function strandedText({ count, pattern, from, to }: StrandedEvents): string {
  return `${count ?? "unhandled"} events of ${pattern} wait in ${from}, and it has them in ${to} now`;
}
