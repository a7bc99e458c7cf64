import type { JetStreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import { excusedSoFar, unendedSoFar } from "../../engine/attempt_counts.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import { removeMessage } from "../client/remove_message.ts";
import { prefixesOf } from "../client/subject_prefixes.ts";
import type { RetryStream } from "../retry/retry_stream.ts";
import type { Durable } from "../topology/resources.ts";
import { storedDelivery } from "./parse_delivery.ts";

const PREFIX = "$JS.EVENT.ADVISORY.CONSUMER";
/** The queue group of the replicas of a function: one of them acts on an advisory. */
const QUEUE = "weir";

interface Advisory {
  readonly stream: string;
  readonly consumer: string;
  /** Domain of the JetStream that wrote it. */
  readonly domain?: string;
  readonly stream_seq: number;
  readonly deliveries: number;
  readonly reason?: string;
}

/**
 * Listens to the advisories about Weir's consumers. They report what other clients do to the consumers' messages.
 *
 * A consumer whose `max_deliver` another client has set drops a message after that many deliveries: it stays in its
 * stream and is never delivered again. Weir brings the event of that message back through the retry stream. A message
 * that another client has terminated is only logged.
 */
export class Advisories {
  constructor(
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly durables: readonly Durable[],
    readonly attempts: AttemptStore,
    readonly retries: RetryStream,
    readonly log: Log,
  ) {}

  /**
   * Listens until the connection is closed.
   *
   * @param onMaxDeliveries Called when a consumer has dropped a message, since its configuration is wrong then.
   */
  listen(onMaxDeliveries: () => void): void {
    for (const durable of this.durables) {
      this.#subscribe("MSG_TERMINATED", durable, (advisory) => this.#terminated(advisory));
      this.#subscribe("MAX_DELIVERIES", durable, (advisory) => {
        onMaxDeliveries();
        void this.#bringBack(advisory);
      });
    }
  }

  #subscribe(kind: string, { stream, functionName, consumer }: Durable, act: (advisory: Advisory) => void): void {
    this.nc.subscribe(`${PREFIX}.${kind}.${stream}.${consumer}`, {
      queue: QUEUE,
      callback: (error, msg: Msg) => {
        try { // a throw in a callback would end the reading of the whole connection
          if (error) throw error;
          const advisory = msg.json<Advisory>();
          if (this.#isOurs(advisory)) act({ ...advisory, stream, consumer: functionName });
        } catch (error) {
          this.log.warn("an advisory of JetStream cannot be read", { kind, stream, function: functionName, error });
        }
      },
    });
  }

  /**
   * Returns whether an advisory is from the domain of this connection. Advisories of every domain arrive, and another
   * domain may have a consumer with the same name.
   */
  #isOurs({ domain = "" }: Advisory): boolean {
    return domain === (prefixesOf(this.nc).domain ?? domain);
  }

  #terminated({ consumer, stream, stream_seq: sequence, reason = "none given" }: Advisory): void {
    if (reason.startsWith("weir: ")) return;
    const fields = { function: consumer, stream, sequence, reason };
    this.log.error("a message was terminated by another client: not handled, no dead letter", fields);
  }

  /**
   * Stores the event as a retry, with the attempts that began. If the event has no attempt left, its next delivery
   * makes it a dead letter.
   */
  async #bringBack({ consumer, stream, stream_seq: sequence, deliveries }: Advisory): Promise<void> {
    const fields = { function: consumer, stream, sequence, deliveries };
    try {
      const message = await this.jsm.streams.getMessage(stream, { seq: sequence });
      if (!message) return this.log.error("the server gave up on an event, which is no longer stored", fields);
      const delivery = storedDelivery(stream, message, message.subject, this.retries.names), { history } = delivery;
      const known = await this.attempts.read(consumer, delivery);
      const { begun = 0, attemptTrace, lastError } = known ?? {};
      await this.retries.bringBack(consumer, delivery, {
        attempts: history.attempts + begun,
        ...excusedSoFar(history, known),
        emittedSinceMs: history.emittedSinceMs ?? delivery.storedAtMs,
        attemptTrace,
        lastError,
        ...unendedSoFar(history, known),
      });
      // RETRIES is a work queue: a message that is never delivered again would stay in it for ever.
      if (this.retries.names.isWayBack(stream)) await removeMessage(this.jsm, stream, sequence);
      this.log.error("the server gave up on an event, since its consumer limits deliveries: brought back", fields);
    } catch (error) {
      this.log.error("the server gave up on an event, and it could not be brought back", { ...fields, error });
    }
  }
}
