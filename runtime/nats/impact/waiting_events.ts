import type { JetStreamManager } from "@nats-io/jetstream";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { findConsumer } from "../topology/find.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import type { Step, StepOf } from "../topology/step.ts";

/** The part of a stream that a function has not handled, or begins with. */
export interface WaitingEvents {
  readonly functionName: string;
  readonly stream: string;
  /** Subjects on which its consumer has them now: a trigger that the project has removed is still among them. */
  readonly filters: readonly string[];
  /** Sequence of the first waiting event. Some events after it may be handled already, since acks come in any order. */
  readonly from: number;
  /** Number of events; undefined when the server did not say. */
  readonly count: number | undefined;
  /** True for a consumer that does not exist yet. */
  readonly isNew: boolean;
}

/**
 * Returns what waits for the functions of a plan, for each of their consumers but those on RETRIES. Consumers that have
 * handled all are left out.
 */
export async function waitingEvents(
  jsm: JetStreamManager,
  steps: readonly Step[],
  names: Namespace = NO_NAMESPACE,
): Promise<WaitingEvents[]> {
  const found: WaitingEvents[] = [];
  for (const step of steps) {
    if (step.what !== "consumer" || step.stream === names.retries.stream) continue;
    if (step.kind === "create") {
      if (step.waiting !== 0) found.push(beginning(step, names));
    } else if (step.kind === "same" || step.kind === "update" || step.kind === "moved") {
      const waiting = await unhandled(jsm, step.name, step.stream, names);
      if (waiting) found.push(waiting);
    }
  }
  return found;
}

function beginning(
  { name, stream, config, waiting }: StepOf<"create"> & { what: "consumer" },
  names: Namespace,
): WaitingEvents {
  const { filter_subjects: filters = [], opt_start_seq: from = 1 } = config;
  return { functionName: names.functionOf(name), stream, filters, from, count: waiting, isNew: true };
}

async function unhandled(
  jsm: JetStreamManager,
  consumer: string,
  stream: string,
  names: Namespace,
): Promise<WaitingEvents | undefined> {
  const info = await findConsumer(jsm, stream, consumer), functionName = names.functionOf(consumer);
  if (!info || info.num_pending + info.num_ack_pending === 0) return undefined;
  const { num_pending, num_ack_pending, ack_floor, delivered } = info, filters = filtersOf(info.config);
  const from = (num_ack_pending === 0 ? delivered : ack_floor).stream_seq + 1, count = num_pending + num_ack_pending;
  return { functionName, stream, filters: filters.length === 0 ? [">"] : filters, from, count, isNew: false };
}
