import type { JetStreamManager } from "@nats-io/jetstream";
import { unlessMissing } from "./config_diff.ts";
import type { StepOf } from "./step.ts";
import { isPulled } from "./unused.ts";
import { readConsumer } from "./plan_topology.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** What came of a consumer that was to be removed. */
type Pruned =
  | { readonly kind: "removed"; readonly leftBehind: number; readonly cancelled: number }
  | { readonly kind: "in-use" };

/** Makes dead letters of all delayed and due retries of a function, and returns how many that were. */
type CancelRetries = (functionName: string) => Promise<number>;

/**
 * Removes the consumers of a function that the project does not have any more, all or none: not while some process
 * pulls on any of them. Its delayed and due retries go to the dead letters first; and its consumer on RETRIES goes last,
 * since that is what tells that they are Weir's.
 *
 * @param group the steps of one function
 */
export async function prune(
  jsm: JetStreamManager,
  group: readonly StepOf<"orphan" | "moved">[],
  cancelRetries: CancelRetries,
): Promise<Map<StepOf<"orphan" | "moved">, Pruned>> {
  const result = new Map<StepOf<"orphan" | "moved">, Pruned>();
  const last = group.toSorted((a, b) => Number(a.stream === RETRIES.stream) - Number(b.stream === RETRIES.stream));
  // Asked now: what was planned may be long ago.
  const now = await Promise.all(last.map(({ stream, name }) => readConsumer(jsm, stream, name)));
  if (now.some((info, i) => last[i].inUse || info && isPulled(info))) {
    for (const step of group) result.set(step, { kind: "in-use" });
    return result;
  }
  for (const [i, step] of last.entries()) {
    const onRetries = step.kind === "orphan" && step.stream === RETRIES.stream;
    const cancelled = onRetries ? await cancelRetries(step.name) : 0;
    const info = onRetries ? await readConsumer(jsm, step.stream, step.name) : now[i];
    await unlessMissing(jsm.consumers.delete(step.stream, step.name), JETSTREAM_CODES.consumerNotFound);
    const leftBehind = info ? info.num_pending + info.num_ack_pending : 0;
    result.set(step, { kind: "removed", leftBehind, cancelled });
  }
  return result;
}
