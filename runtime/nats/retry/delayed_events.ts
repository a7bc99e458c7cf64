import type { JetStreamManager, MsgRequest } from "@nats-io/jetstream";
import type { OutgoingEvent } from "../../core/event.ts";
import type { Namespace } from "../../core/namespace.ts";
import { sha256Hex } from "../../core/sha256.ts";
import type { DelayedEvents } from "../../engine/delayed_events.ts";
import { type Publisher, PublishError } from "../../engine/publisher.ts";
import { headerText } from "../client/header_writer.ts";
import { isUnavailable } from "../client/is_unavailable.ts";
import { removeMessage } from "../client/remove_message.ts";
import { attributeHeaders } from "../publish/event_publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "./fit_payload.ts";
import { DELAYED_EVENT } from "./retry_headers.ts";
import { dueSubject } from "./retry_stream.ts";

/** Header with the key of a delayed event, for lists. */
export const KEY_HEADER = "weir-key";

const ENCODER = new TextEncoder();

/**
 * Keeps delayed events as message schedules in RETRIES. When one is due, the server delivers it to the function that
 * emitted it, and the pipeline publishes it. It is not scheduled into the stream of its type: that stream would have to
 * allow schedules, and a fired schedule has no `Nats-Msg-Id` by which a duplicate is dropped.
 */
export class StoredDelayedEvents implements DelayedEvents {
  readonly publisher: Publisher;

  constructor(
    readonly messages: MessagePublisher,
    readonly jsm: { readonly streams: Pick<JetStreamManager["streams"], "getMessage" | "deleteMessage"> },
    readonly names: Namespace,
  ) {
    this.publisher = {
      publish: (event, listener, options) => {
        this.#store(event, options?.storedSinceMs).then(
          (result) => listener.stored(result),
          (error) => listener.failed(error),
        );
      },
    };
  }

  async cancel(key: string, kept: readonly OutgoingEvent[]): Promise<void> {
    const { stream, events } = this.names.retries, next_by_subj = `${events}.*.${token(key)}.*`;
    const own = new Set(kept.filter(({ delayed }) => delayed).map((event) => this.#subjectOf(event)));
    try {
      for (let seq = 1;;) {
        // Read from the leader: another server may not have the event yet.
        const message = await this.jsm.streams.getMessage(stream, { seq, next_by_subj } as MsgRequest);
        if (!message) return;
        seq = message.seq + 1;
        if (!own.has(message.subject)) await removeMessage(this.jsm, stream, message.seq);
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const what = `the delayed events of the key ${
        JSON.stringify(key)
      } are not known to be cancelled: ${error.message}`;
      throw new PublishError("unavailable", what, { cause: error });
    }
  }

  /**
   * Stores an event as a message schedule. It has no `Nats-Msg-Id`, since JetStream would then drop an event that is
   * emitted again after it was cancelled. A duplicate replaces the first instead, since both have one subject.
   */
  #store(event: OutgoingEvent, emittedSinceMs: number | undefined) {
    const { atMs, key, functionName } = event.delayed!, hdrs = attributeHeaders(event).toMsgHdrs();
    hdrs.set("weir-function", functionName);
    hdrs.set("weir-reason", "delayed-event");
    hdrs.set(DELAYED_EVENT, "true");
    if (key !== undefined) hdrs.set(KEY_HEADER, headerText(key));
    if (emittedSinceMs !== undefined) hdrs.set("weir-emitted-since", new Date(emittedSinceMs).toISOString());
    hdrs.set("Nats-Schedule", `@at ${new Date(atMs).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", dueSubject(functionName, { subject: event.type }, this.names));
    return publishFitting(this.messages, this.#subjectOf(event), ENCODER.encode(event.json), hdrs);
  }

  #subjectOf({ id, source, delayed }: OutgoingEvent): string {
    const key = delayed!.key === undefined ? "_" : token(delayed!.key);
    return `${this.names.retries.events}.${delayed!.functionName}.${key}.${token(`${source} ${id}`)}`;
  }
}

/** Returns a filter for the delayed events of a function. */
export function delayedEventsOf(functionName: string, { retries }: Namespace): string {
  return `${retries.events}.${functionName}.*.*`;
}

/** Returns a token of a subject for any text. */
function token(text: string): string {
  return sha256Hex(text, 32);
}
