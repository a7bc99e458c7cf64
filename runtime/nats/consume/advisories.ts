import type { JetStreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import { storedDelivery } from "./delivery.ts";
import type { Durable } from "../topology/resources.ts";
import { removeMessage } from "../dead_letters/redrive.ts";
import { RETRIES, type RetryStream } from "../retry/retry_stream.ts";

const PREFIX = "$JS.EVENT.ADVISORY.CONSUMER";
/** The replicas of a function share its advisories: one of them acts. */
const QUEUE = "weir";

interface Advisory {
  readonly stream: string;
  readonly consumer: string;
  readonly stream_seq: number;
  readonly deliveries: number;
  readonly reason?: string;
}

/**
 * Notices what others do to the events of our functions. A consumer of which somebody has limited the deliveries gives
 * up on a message without a word to anybody but this: it stays in its stream, and is never delivered again. Such an
 * event is brought back through the retry lane. One that somebody has terminated is only told of: they meant to.
 */
export class Advisories {
  constructor(
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly durables: readonly Durable[],
    readonly attempts: AttemptStore,
    readonly lane: RetryStream,
    readonly log: Log,
  ) {}

  /**
   * Listens for as long as the connection lives.
   *
   * @param givenUp is called when a consumer gives up on messages, which it should never
   */
  listen(givenUp: () => void): void {
    for (const durable of this.durables) {
      this.#subscribe("MSG_TERMINATED", durable, (advisory) => this.#terminated(advisory));
      this.#subscribe("MAX_DELIVERIES", durable, (advisory) => {
        givenUp();
        void this.#bringBack(advisory);
      });
    }
  }

  #subscribe(kind: string, { stream, functionName }: Durable, act: (advisory: Advisory) => void): void {
    this.nc.subscribe(`${PREFIX}.${kind}.${stream}.${functionName}`, {
      queue: QUEUE,
      callback: (error, msg: Msg) => {
        try { // a throw in here would end the reading of the whole connection
          if (error) throw error;
          act({ ...msg.json<Advisory>(), stream, consumer: functionName });
        } catch (error) {
          this.log.warn("an advisory of JetStream cannot be read", { kind, stream, function: functionName, error });
        }
      },
    });
  }

  #terminated({ consumer, stream, stream_seq: sequence, reason = "none given" }: Advisory): void {
    if (reason.startsWith("weir: ")) return;
    const fields = { function: consumer, stream, sequence, reason };
    this.log.error("an event was terminated, and not by Weir: it is not handled and no dead letter", fields);
  }

  /** With the attempts that are known to have begun: if they were all it had, it comes back to end as `crashed`. */
  async #bringBack({ consumer, stream, stream_seq: sequence, deliveries }: Advisory): Promise<void> {
    const fields = { function: consumer, stream, sequence, deliveries };
    try {
      const message = await this.jsm.streams.getMessage(stream, { seq: sequence });
      if (!message) return this.log.error("the server gave up on an event, which is no longer stored", fields);
      const delivery = storedDelivery(stream, message), { history } = delivery;
      const { begun = 0, free = 0, attemptTrace } = await this.attempts.read(consumer, delivery) ?? {};
      await this.lane.bringBack(consumer, delivery, {
        attempts: history.attempts + begun,
        excusedDeliveries: history.excusedDeliveries + free,
        emittedSinceMs: history.emittedSinceMs ?? delivery.storedAtMs,
        attemptTrace,
      });
      // Nobody would ever take the stuck one out of the lane, where every message waits for somebody.
      if (stream === RETRIES.stream) await removeMessage(this.jsm, stream, sequence);
      this.log.error("the server gave up on an event, since its consumer limits deliveries: brought back", fields);
    } catch (error) {
      this.log.error("the server gave up on an event, and it could not be brought back", { ...fields, error });
    }
  }
}
