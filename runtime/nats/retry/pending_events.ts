import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { ServerClock } from "../../engine/clock.ts";
import type { DebounceStore } from "../../engine/debounce.ts";
import { PublishError } from "../../engine/publisher.ts";
import type { UsedUp } from "../../engine/settler.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "./fit_payload.ts";
import { retryHeaders } from "./retry_headers.ts";
import { dueSubject } from "./retry_stream.ts";

/**
 * Greatest number of tries to replace the pending event of a key. A try fails if another event of the key has replaced
 * it meanwhile.
 */
const MAX_TRIES = 100;
/** Header with the time of the first event of a burst, in milliseconds since 1970 by the server's clock. */
const SINCE = "weir-debounce-since";

/**
 * The pending events of functions with `debounce`: message schedules on RETRIES, one for each function and key. A later
 * event replaces the schedule of an earlier one. When a schedule is due, its event comes back to its function.
 */
export class PendingEvents implements DebounceStore {
  /** @param names The names in NATS. Default: without a namespace. */
  constructor(
    readonly jsm: { readonly streams: Pick<JetStreamManager["streams"], "getMessage"> },
    readonly publisher: MessagePublisher,
    readonly clock: Pick<ServerClock, "serverNow">,
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  async postpone(
    functionName: string,
    key: string,
    delivery: Delivery,
    usedUp: UsedUp,
    { quietMs, maxMs = Infinity }: { readonly quietMs: number; readonly maxMs?: number },
  ): Promise<void> {
    const { delayed, stream } = this.names.retries, subject = `${delayed}.${functionName}.debounced-${key}`;
    for (let attempt = 1;; attempt++) {
      const pending = await this.jsm.streams.getMessage(stream, { last_by_subj: subject });
      if (pending && isNotEarlier(pending, delivery)) return;
      const nowMs = this.clock.serverNow(), sinceMs = Number(pending?.header.get(SINCE)) || nowMs;
      const hdrs = this.#headers(functionName, delivery, usedUp);
      hdrs.set(SINCE, String(sinceMs));
      hdrs.set("Nats-Schedule", `@at ${new Date(Math.min(nowMs + quietMs, sinceMs + maxMs)).toISOString()}`);
      const { messageKey, deliveryCount } = delivery;
      hdrs.set("Nats-Msg-Id", `debounced:${functionName}:${key}:${messageKey}:${deliveryCount}:${attempt}`);
      hdrs.set("Nats-Expected-Last-Subject-Sequence", String(pending?.seq ?? 0));
      try {
        await publishFitting(this.publisher, subject, delivery.payload, hdrs);
        return;
      } catch (error) {
        const isConflict = error instanceof PublishError && isWrongLastSequence(error.jetStreamCode);
        if (!isConflict || attempt === MAX_TRIES) throw error;
      }
    }
  }

  #headers(functionName: string, delivery: Delivery, usedUp: UsedUp): MsgHdrs {
    // `messageKey` may be a getter, which a spread does not copy.
    const { messageKey, history } = delivery, waited = { ...history, isDebounced: true as const };
    const hdrs = retryHeaders(functionName, { ...delivery, messageKey, history: waited }, usedUp);
    hdrs.set("weir-reason", "debounced");
    hdrs.set("Nats-Schedule-Target", dueSubject(functionName, delivery, this.names));
    return hdrs;
  }
}

/** Returns whether the pending event was stored after an event, or is that event. */
function isNotEarlier({ header }: StoredMsg, { storedAtMs, sequence }: Delivery): boolean {
  const storedMs = Math.floor(storedAtMs), pendingMs = Date.parse(header.get("weir-time"));
  return pendingMs > storedMs || pendingMs === storedMs && Number(header.get("weir-sequence")) >= sequence;
}
