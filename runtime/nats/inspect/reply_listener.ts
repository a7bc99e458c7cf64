import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import type { WeirEvent } from "../../core/event.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { ReplyKey, ReplySource } from "../../engine/reply_source.ts";
import { decodePublished } from "./published_event.ts";

type OnReply = (event: WeirEvent) => void;

/**
 * Hears the events that answer requests, whichever process publishes them. Its subscriptions are plain ones: a reply
 * that is published while the connection is down is not heard. While no request waits, no event is decoded.
 */
export class ReplyListener implements ReplySource {
  /** By type, field and value. */
  readonly #waiting = new Map<string, Set<OnReply>>();

  /**
   * @param fields The fields by which replies are found, by the type of the reply.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly fields: ReadonlyMap<string, ReadonlySet<string>>,
    readonly log: Log,
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  /** Subscribes, until the connection is closed. A subscription that begins with a request could miss its reply. */
  start(): void {
    for (const type of this.fields.keys()) {
      const subject = this.names.subject(type);
      this.nc.subscribe(subject, {
        callback: (error, msg) => {
          if (!error) return this.#onEvent(type, msg);
          this.log.error(`the NATS user may not subscribe to ${subject}: requests that wait for ${type} time out`);
        },
      });
    }
  }

  listen({ types, field, value }: ReplyKey, onReply: OnReply): () => void {
    const keys = types.map((type) => keyOf(type, field, value));
    for (const key of keys) this.#waiting.getOrInsertComputed(key, () => new Set()).add(onReply);
    return () => {
      for (const key of keys) {
        const listeners = this.#waiting.get(key);
        listeners?.delete(onReply);
        if (listeners?.size === 0) this.#waiting.delete(key);
      }
    };
  }

  #onEvent(type: string, msg: Msg): void {
    if (this.#waiting.size === 0) return;
    const { event } = decodePublished(msg, Date.now(), this.names), data = event.data as Record<string, unknown> | null;
    if (typeof data !== "object" || data === null) return;
    for (const field of this.fields.get(type)!) {
      for (const onReply of this.#waiting.get(keyOf(type, field, data[field])) ?? []) onReply(event);
    }
  }
}

function keyOf(type: string, field: string, value: unknown): string {
  return JSON.stringify([type, field, value]);
}
