import { DEAD_LETTER_RESOURCES } from "../../runtime/nats/dead_letters/resources.ts";
import { RETRY_RESOURCES } from "../../runtime/nats/retry/resources.ts";
import { combine, type DesiredState, type DesiredStream, type Durable } from "../../runtime/nats/topology/resources.ts";

/** Returns a desired state with these streams and consumers, DEAD_LETTERS and RETRIES; without buckets. */
export function desired(
  streams: readonly DesiredStream[],
  durables: readonly Durable[],
  more: Partial<DesiredState> = {},
): DesiredState {
  return { ...combine([{ streams, durables }, DEAD_LETTER_RESOURCES, RETRY_RESOURCES]), buckets: [], ...more };
}
