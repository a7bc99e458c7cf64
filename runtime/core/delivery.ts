import type { ErrorDetail } from "./outcome.ts";

/** Read access to the headers of a message. Names match without regard to case. */
export interface MessageHeaders {
  get(name: string): string | undefined;
  /** Visits every header in its order; a name may come more than once. */
  each(visit: (lowerName: string, value: string) => void): void;
  /** Returns every header in its order, with its name as the publisher wrote it. */
  entries(): Iterable<readonly [name: string, value: string]>;
}

/** Earlier attempts of an event that came back through the stream `RETRIES`. */
export interface DeliveryHistory {
  readonly attempts: number;
  readonly excusedDeliveries: number;
  /** Those among `excusedDeliveries` that waited for another release; undefined for none. */
  readonly otherReleaseDeliveries?: number;
  readonly redrives: number;
  /** Time since which emitted events may be stored already, in milliseconds since 1970. Undefined if none can be. */
  readonly emittedSinceMs?: number;
  /** Span of the previous attempt, as a W3C `traceparent`. */
  readonly attemptTrace?: string;
  /** Error of the last attempt that ended. */
  readonly lastError?: ErrorDetail;
  /** True when the last delivery is not known to have ended. By `deaths` its handler is known to have begun, or not. */
  readonly isUnended?: boolean;
  /**
   * Attempts in a row, up to the last one, that began and are not known to have ended. Undefined, with `isUnended`, for an
   * event of an earlier release: 1 at least.
   */
  readonly deaths?: number;
  /** Key of the original message, as {@linkcode Delivery.messageKey}. */
  readonly originKey?: string;
  /** Id of the replay that brought the event to its function again; undefined for none. */
  readonly replay?: string;
  /** Name under which the function emitted before it was renamed: ids of emitted events are derived from it. */
  readonly emitsAs?: string;
  /** True for a replay that an idempotent function handles although it has handled the event before. */
  readonly isForced?: true;
  /** True for an event that the function has emitted with a delay: it is published, and the handler does not run. */
  readonly isDelayedEvent?: true;
  /** True for an event that has waited until its key was quiet. */
  readonly isDebounced?: true;
}

/** One message that JetStream delivered. It is settled exactly once. */
export interface Delivery {
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly sequence: number;
  readonly subject: string;
  /** Number of deliveries of this message, this one included. It is not the number of attempts. */
  readonly deliveryCount: number;
  /** Time at which the stream stored the message, in milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  /** Earlier attempts; zeros for a message that comes directly from its stream. */
  readonly history: DeliveryHistory;
  /**
   * Sequence of the dead letter from which an operator redrove this event. The dead letter is removed before this
   * delivery is settled.
   */
  readonly deadLetterSequence?: number;
  /** Partition of the function whose consumer delivered it. Undefined for the function's own consumers. */
  readonly partition?: number;
  /** Ack subject of the message from which this one was assigned to its partition. Undefined outside of partitions. */
  readonly sourceAck?: Uint8Array;
  /**
   * Key of the stored message. It is the same at each delivery of the message, and no other message ever has it, not
   * even in a stream that was deleted and created again.
   */
  readonly messageKey: string;
  /**
   * Subject to ack on, as received. A redelivery of the same message replaces it. It becomes empty if the stream is
   * deleted: in a stream that is created again, the subject would name another message.
   */
  ackSubject: Uint8Array;
}
