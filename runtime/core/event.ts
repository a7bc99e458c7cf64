/**
 * The event a handler is given: CloudEvents 1.0 attributes and the typed data.
 *
 * @example
 * ```ts
 * import type { WeirEvent } from "weir";
 *
 * // A helper for the events of many functions.
 * export function describe({ type, id, time }: WeirEvent): string {
 *   return `${type} ${id} of ${time}`;
 * }
 * ```
 */
export interface WeirEvent<Type extends string = string, Data = unknown> {
  /** Unique with `source`; the `ce-id` header, or `STREAM:SEQUENCE` for a message without one. */
  readonly id: string;
  /** What happened, and the NATS subject it was published on. */
  readonly type: Type;
  /** Where it happened: a URI reference such as `/functions/reserveInventory`. */
  readonly source: string;
  /** When it happened: an RFC 3339 timestamp. */
  readonly time: string;
  /** The data, as the event's schema returned it; `unknown` for a raw subject pattern. */
  readonly data: Data;
  /** The NATS subject of this message. */
  readonly subject: string;
  /** Every other CloudEvents attribute of the message, without the `ce-` prefix. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** An event on its way out: what becomes the headers and the payload of one NATS message. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly time: string;
  /** The data as JSON text. It is validated before it gets here. */
  readonly json: string;
  readonly extensions?: Readonly<Record<string, string>>;
  /** W3C trace context: `traceparent`, `tracestate`, `baggage`. */
  readonly trace?: Readonly<Record<string, string>>;
}
