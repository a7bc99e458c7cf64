import { decideOutcome, deferForState } from "../core/decide_outcome.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Outcome, Result } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import { type DelayedEvents, dueEvent, PUBLISHED } from "./delayed_events.ts";
import { publishAsync, type Publisher, PublishError } from "./publisher.ts";

interface EffectPorts {
  readonly publisher: Publisher;
  readonly delayed?: DelayedEvents;
}

/**
 * Stores what a handler has emitted, now or with a delay, and cancels the delayed events of its keys. Returns the result
 * of the handler, or that of a failure.
 *
 * Invariant: emitted events are stored before their cause is acked.
 */
export async function storeEffects(
  { publisher, delayed }: EffectPorts,
  attempt: Attempt,
  result: Result,
): Promise<Result> {
  const { emitted, cancelledKeys } = attempt;
  try {
    for (const key of cancelledKeys) await delayed?.cancel(key, emitted);
    await Promise.all(emitted.map((event) => {
      return publishAsync(event.delayed && delayed ? delayed.publisher : publisher, event, optionsOf(attempt));
    }));
    return result;
  } catch (thrown) {
    return emitFailure(thrown);
  }
}

/** Publishes an event that the function emitted with a delay, and that is due. Its handler does not run. */
export async function publishDue(publisher: Publisher, attempt: Attempt): Promise<Outcome> {
  if (!attempt.isCounted) return deferForState(attempt, attempt.stateError);
  if (!await attempt.lease.isValid()) return { kind: "lease-expired" };
  try {
    await publishAsync(publisher, dueEvent(attempt), optionsOf(attempt));
    return PUBLISHED;
  } catch (thrown) {
    return decideOutcome(emitFailure(thrown), attempt);
  }
}

function optionsOf({ emittedSinceMs, otelContext }: Attempt) {
  return { storedSinceMs: emittedSinceMs, parent: otelContext };
}

function emitFailure(thrown: unknown): Result {
  const isPublishError = thrown instanceof PublishError, transient = isPublishError && thrown.transient;
  // The attempt is not retried, since it would emit an event of the same size.
  if (isPublishError && thrown.code === "too-large") return { kind: "rejected", error: errorDetail(thrown) };
  return { kind: "emit-failed", transient, error: errorDetail(thrown) };
}
