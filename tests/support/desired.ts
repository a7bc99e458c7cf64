import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { deadLetterResources } from "../../runtime/nats/dead_letters/resources.ts";
import { retryResources } from "../../runtime/nats/retry/resources.ts";
import { combine, type DesiredState, type DesiredStream, type Durable } from "../../runtime/nats/topology/resources.ts";

/** Returns a desired state with these streams and consumers, DEAD_LETTERS and RETRIES; without buckets. */
export function desired(
  streams: readonly DesiredStream[],
  durables: readonly Durable[],
  more: Partial<DesiredState> = {},
): DesiredState {
  const { names = NO_NAMESPACE } = more;
  const parts = [{ streams, durables }, deadLetterResources(names), retryResources(names)];
  return { ...combine(parts), buckets: [], ...more };
}
