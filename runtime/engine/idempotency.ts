import { deferForClaim, deferForState } from "../core/decide_outcome.ts";
import type { WeirEvent } from "../core/event.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Outcome } from "../core/outcome.ts";
import { sha256Hex } from "../core/sha256.ts";
import { describeValue } from "../project/option_schemas.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { IdempotencyPolicy } from "../project/resolve_policy.ts";
import type { Attempt } from "./attempt.ts";
import type { IdempotencyStore } from "./idempotency_store.ts";

/**
 * Time, in milliseconds, that a claim lasts beyond the handler's timeout. A claim must not end before its attempt does,
 * and an attempt ends once its emitted events are stored.
 */
const STORING_MS = 15_000;

/** Thrown when the author's `key` gives no key. It is a failure of the function, not of the store. */
export class IdempotencyKeyError extends TypeError {
  override readonly name = "IdempotencyKeyError";
  readonly code = "idempotency-key";
}

/**
 * Claims the event of an idempotent function for one attempt, so that no other attempt handles the event now or later.
 * Sets the attempt's `claim`, or returns the outcome of an event that must not be handled. Does nothing for functions
 * without `idempotency`.
 *
 * @throws {IdempotencyKeyError} when the author's `key` throws, or returns no text.
 * @throws {Error} when the store does not answer; the pipeline then retries the delivery without using an attempt.
 */
export async function claimEvent(store: IdempotencyStore, attempt: Attempt): Promise<Outcome | undefined> {
  const { fn, event, originKey } = attempt, { idempotency, timeoutMs } = fn.policy;
  if (!idempotency) return undefined;
  const { replay, isForced } = attempt.delivery.history;
  const key = idempotencyKey(fn, idempotency, event, originKey, isForced ? replay : undefined);
  const result = await store.claim(fn.name, key, timeoutMs + STORING_MS, idempotency.ttlMs);
  switch (result.kind) {
    case "claimed":
      attempt.claim = result.claim;
      return undefined;
    case "done":
      return { kind: "ack", skipped: "handled-before" };
    case "in-progress":
      return deferForClaim(attempt);
  }
}

/**
 * Checks whether an event whose handler must not run was handled before: only the ack of an earlier delivery may have
 * been lost. Returns an ack if it was, and a retry if another attempt holds the claim or the store does not answer.
 * Otherwise returns `refusal`; the attempt then holds the claim, which the settler releases once the dead letter is
 * stored.
 */
export async function claimToConfirm(store: IdempotencyStore, attempt: Attempt, refusal: Outcome): Promise<Outcome> {
  try {
    return await claimEvent(store, attempt) ?? refusal;
  } catch (error) {
    return error instanceof IdempotencyKeyError ? refusal : deferForState(attempt, error);
  }
}

/**
 * Returns whether a refusal must be confirmed by {@linkcode claimToConfirm}: an earlier delivery may have been handled,
 * and no earlier delivery has decided on this dead letter already.
 */
export function needsConfirmation({ fn, delivery, ending }: Attempt, refusal: Outcome): boolean {
  return fn.policy.idempotency !== undefined && delivery.deliveryCount > 1 && refusal !== ending &&
    refusal.kind === "dead-letter" && refusal.reason !== "invalid";
}

/**
 * Returns the idempotency key of an event, as a token of a subject. It is a hash of what the author's `key` returns, or
 * of the event's type, source and id.
 *
 * @param originKey Key of the stored message, if the event has no id. Stream and sequence, its `id`, do not suffice:
 * they come again if the stream is created again. Therefore the author's `key` gets the event with `originKey` as its
 * `id`. Default: the event has an id.
 * @param replay Id of a replay that handles the event once more. Default: none.
 */
export function idempotencyKey(
  { name }: ResolvedFunction,
  { key: keyOf }: IdempotencyPolicy,
  event: WeirEvent,
  originKey?: string,
  replay?: string,
): string {
  let named: unknown = [event.type, event.source, event.id];
  if (originKey !== undefined) named = [event.type, event.source, event.id, originKey];
  if (keyOf) {
    try {
      named = keyOf(originKey === undefined ? event : { ...event, id: originKey });
    } catch (cause) {
      throw new IdempotencyKeyError(`the idempotency key of ${name} threw: ${errorDetail(cause).message}`, { cause });
    }
    if (typeof named !== "string" || named === "") {
      const what = `the idempotency key of ${name} is ${describeValue(named)}: it must be text, and not empty`;
      throw new IdempotencyKeyError(what);
    }
  }
  if (replay !== undefined) named = [replay, named];
  return sha256Hex(JSON.stringify(named), 32);
}
