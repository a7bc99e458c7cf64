/** The event that a handler receives: CloudEvents 1.0 attributes and the typed data. */
export interface WeirEvent<Type extends string = string, Data = unknown> {
  /**
   * The `ce-id` header, or `STREAM:SEQUENCE` for a message without one. Unique together with `source`, except that a stream
   * which is deleted and created again, or in memory, begins its sequences anew: `time` tells such messages apart.
   */
  readonly id: string;
  /** Type of the event, and the NATS subject that it was published on. */
  readonly type: Type;
  /** Source of the event: a URI reference such as `/functions/reserveInventory`. */
  readonly source: string;
  /** Time of the event: an RFC 3339 timestamp. */
  readonly time: string;
  /** Data as the event's schema returned it; `unknown` for a raw subject pattern. */
  readonly data: Data;
  /** NATS subject of this message. */
  readonly subject: string;
  /** Every other CloudEvents attribute of the message, without the `ce-` prefix. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** An event to publish: the headers and the payload of one NATS message. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly time: string;
  /** Data as JSON text, validated already. */
  readonly json: string;
  /** Version of the schema that the data was checked against. Default: no schema is known. */
  readonly version?: number;
  readonly extensions?: Readonly<Record<string, string>>;
  /** Length of the chain of emitted events that ends with this one. Default: no function emitted it. */
  readonly hops?: number;
  /** W3C trace context: `traceparent`, `tracestate`, `baggage`. */
  readonly trace?: Readonly<Record<string, string>>;
}
