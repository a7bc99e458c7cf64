import { errorDetail, type Result } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import { publishAsync, type Publisher, PublishError } from "./publisher.ts";

/**
 * Stores the events that a handler emitted. Returns the handler's result once all are stored, or `emit-failed`.
 *
 * Invariant: emitted events are stored before their cause is acked.
 */
export async function storeEmitted(publisher: Publisher, attempt: Attempt, result: Result): Promise<Result> {
  const options = { storedSinceMs: attempt.emittedSinceMs, parent: attempt.otelContext };
  try {
    await Promise.all(attempt.emitted.map((event) => publishAsync(publisher, event, options)));
    return result;
  } catch (thrown) {
    const transient = thrown instanceof PublishError && thrown.transient;
    return { kind: "emit-failed", transient, error: errorDetail(thrown) };
  }
}
