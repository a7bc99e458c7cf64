import { createHash } from "node:crypto";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { IdempotencyPolicy } from "../project/resolve_policy.ts";
import type { Delivery } from "../core/delivery.ts";
import type { WeirEvent } from "../core/event.ts";
import { errorDetail } from "../core/outcome.ts";
import type { ClaimResult, IdempotencyStore } from "./ports.ts";

/** Beyond the handler's timeout, for storing what it emitted: a claim must not end before its attempt does. */
const STORING_MS = 15_000;

/** The author's `key` did not name the event: a failure of the function, and not of the inbox. */
export class IdempotencyKeyError extends TypeError {
  override readonly name = "IdempotencyKeyError";
  readonly code = "idempotency-key";
}

/**
 * Claims an event for one delivery, so that no other handles it at the same time or ever again. The claim outlasts
 * the handler's timeout: that is how long the event waits if the process dies.
 *
 * @throws {IdempotencyKeyError} when the author's `key` throws, or returns no text.
 */
export async function claimEvent(
  inbox: IdempotencyStore,
  fn: ResolvedFunction,
  policy: IdempotencyPolicy,
  event: WeirEvent,
  delivery: Delivery,
): Promise<ClaimResult> {
  return await inbox.claim(
    fn.name,
    idempotencyKey(fn, policy, event, delivery),
    fn.policy.timeoutMs + STORING_MS,
    policy.ttlMs,
  );
}

/**
 * A name fit for a subject. Without a `key` it is of what identifies an event: type, source and id. One without an id of
 * its own is named after its place, which another may have once its stream was deleted: then its time is of it too.
 */
export function idempotencyKey(
  { name }: ResolvedFunction,
  { key: given }: IdempotencyPolicy,
  event: WeirEvent,
  { headers, storedAtMs }: Pick<Delivery, "headers" | "storedAtMs">,
): string {
  const hasId = Boolean(headers.get("ce-id") ?? headers.get("nats-msg-id"));
  let named: unknown = [event.type, event.source, event.id, ...(hasId ? [] : [storedAtMs])];
  if (given) {
    try {
      named = given(event);
    } catch (cause) {
      throw new IdempotencyKeyError(`the idempotency key of ${name} threw: ${errorDetail(cause).message}`, { cause });
    }
    if (typeof named !== "string" || named === "") {
      const what = `the idempotency key of ${name} is ${JSON.stringify(named)}: it must be text, and not empty`;
      throw new IdempotencyKeyError(what);
    }
  }
  return createHash("sha256").update(JSON.stringify(named)).digest("hex").slice(0, 32);
}
