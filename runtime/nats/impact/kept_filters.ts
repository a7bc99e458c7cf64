import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { NO_NAMESPACE } from "../../core/namespace.ts";
import { unite } from "../../core/subjects.ts";
import type { DesiredState } from "../topology/resources.ts";
import { nameOf, type Step } from "../topology/step.ts";
import { changedStreams, strandedEvents, strandedText } from "./stranded_events.ts";
import { waitingEvents } from "./waiting_events.ts";

/**
 * A filter that `apply` must leave on a consumer, since events of it wait there for a function that listens to them.
 */
export interface KeptFilter {
  readonly functionName: string;
  readonly stream: string;
  readonly filter: string;
  /** The step that would remove it, and why it is not made. */
  readonly step: Step;
  readonly problem: string;
}

/**
 * Finds the filters of types that have changed their stream while events of them wait for the function in the old one.
 * The function has another trigger there, so its processes handle them. Without the filter nothing would.
 */
export async function keptFilters(
  { nc, jsm }: { readonly nc: Pick<NatsConnection, "request">; readonly jsm: JetStreamManager },
  { durables, names = NO_NAMESPACE }: DesiredState,
  steps: readonly Step[],
): Promise<KeptFilter[]> {
  const listening = durables.filter(({ stream }) => stream !== names.retries.stream)
    .flatMap(({ functionName, stream, filters }) =>
      filters.map((filter) => ({ functionName, stream, pattern: names.typeOf(filter, stream) }))
    );
  const changed = changedStreams(steps, listening, names).filter(({ isLeft }) => !isLeft);
  if (changed.length === 0) return [];
  const stranded = await strandedEvents(nc, changed, await waitingEvents(jsm, steps, names));
  return stranded.map((one) => {
    const { functionName, from: stream, filter } = one, consumer = names.consumer(functionName);
    const step = steps.find((step) => step.what === "consumer" && step.name === consumer && step.stream === stream)!;
    const problem = `${nameOf(step)}: ${filter} stays among its filters: ${strandedText(one)}. The processes of ` +
      `${functionName} handle them as before: run this again once they are handled`;
    return { functionName, stream, filter, step, problem };
  });
}

/** Returns a desired state in which the consumers have these filters too. */
export function withFilters(desired: DesiredState, kept: readonly KeptFilter[]): DesiredState {
  const durables = desired.durables.map((durable) => {
    const { functionName, stream, filters } = durable;
    const own = kept.filter((one) => one.functionName === functionName && one.stream === stream);
    return own.length === 0 ? durable : { ...durable, filters: unite(filters, own.map(({ filter }) => filter)) };
  });
  return { ...desired, durables };
}
