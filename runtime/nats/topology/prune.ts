import type { JetStreamManager } from "@nats-io/jetstream";
import { RETRIES } from "../retry/retry_stream.ts";
import { findConsumer, unlessMissing } from "./find.ts";
import type { StepOf } from "./step.ts";
import { isPulled } from "./unused.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** The result for one consumer. */
type Pruned =
  | { readonly kind: "removed"; readonly leftBehind: number; readonly cancelled: number }
  | { readonly kind: "in-use" };

/** Makes dead letters of all delayed and due retries of a function. Resolves to their number. */
type CancelRetries = (functionName: string) => Promise<number>;

/**
 * Deletes the consumers that one function left behind: all, or none while a process pulls from any of them. Its retries
 * become dead letters first.
 *
 * Invariant: the consumer on RETRIES is deleted last, since it marks the others as Weir's.
 *
 * @param group The steps of one function.
 */
export async function prune(
  jsm: JetStreamManager,
  group: readonly StepOf<"orphan" | "moved">[],
  cancelRetries: CancelRetries,
): Promise<Map<StepOf<"orphan" | "moved">, Pruned>> {
  const result = new Map<StepOf<"orphan" | "moved">, Pruned>();
  const ordered = group.toSorted((a, b) => Number(a.stream === RETRIES.stream) - Number(b.stream === RETRIES.stream));
  // A process may have begun to pull since the plan was made.
  const current = await Promise.all(ordered.map(({ stream, name }) => findConsumer(jsm, stream, name)));
  if (current.some((info, i) => ordered[i].inUse || info && isPulled(info))) {
    for (const step of group) result.set(step, { kind: "in-use" });
    return result;
  }
  for (const [i, step] of ordered.entries()) {
    const hasRetries = step.kind === "orphan" && step.stream === RETRIES.stream;
    const cancelled = hasRetries ? await cancelRetries(step.name) : 0;
    const info = hasRetries ? await findConsumer(jsm, step.stream, step.name) : current[i];
    await unlessMissing(jsm.consumers.delete(step.stream, step.name), JETSTREAM_CODES.consumerNotFound);
    const leftBehind = info ? info.num_pending + info.num_ack_pending : 0;
    result.set(step, { kind: "removed", leftBehind, cancelled });
  }
  return result;
}
