/**
 * The headers of an event's message, for reading. Left out are `Nats-*` and `weir-*` headers, and headers that NATS
 * clients refuse to write, such as a name with a space. Names match without regard to case. A retry and a redrive have
 * the same headers.
 */
export interface EventHeaders extends Iterable<readonly [name: string, value: string]> {
  /** Returns the first value of a header, or undefined if the message has none of that name. */
  get(name: string): string | undefined;
  /** Returns every value of a header, in the order of the message. */
  getAll(name: string): string[];
  /** Returns whether the message has a header of that name. */
  has(name: string): boolean;
  /** Yields every header with its name in lower case; a name may come more than once. */
  [Symbol.iterator](): Iterator<readonly [name: string, value: string]>;
}

/** The event that a handler receives: CloudEvents 1.0 attributes and the typed data. */
export interface WeirEvent<Type extends string = string, Data = unknown> {
  /**
   * Id of the event: the `ce-id` header (in structured mode the envelope's `id`), else `Nats-Msg-Id`, else
   * `STREAM:SEQUENCE`. An id is unique together with `source`, except for `STREAM:SEQUENCE`: if the stream is created
   * again, or was in memory, its sequences begin anew. Only `time` then tells two messages with the same id apart.
   */
  readonly id: string;
  /** Type of the event, and the NATS subject that it was published on. */
  readonly type: Type;
  /** Source of the event: a URI reference such as `/functions/reserveInventory`. */
  readonly source: string;
  /** Time of the event: an RFC 3339 timestamp. */
  readonly time: string;
  /** Data as the event's schema returned it. For a raw subject pattern `unknown`, or by the function's `decode`. */
  readonly data: Data;
  /** NATS subject of this message. */
  readonly subject: string;
  /** Every other CloudEvents attribute of the message, without the `ce-` prefix. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Headers of the message, parsed when they are read. They are neither logged nor copied with the event. */
  readonly headers: EventHeaders;
}

/** An event to publish: the headers and the payload of one NATS message. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly time: string;
  /** Data as JSON text, validated already. Empty for an event without data. */
  readonly json: string;
  /** Version of the schema that the data was checked against. Default: no schema is known. */
  readonly version?: number;
  readonly extensions?: Readonly<Record<string, string>>;
  /** Length of the chain of emitted events that ends with this event. Default: no function emitted the event. */
  readonly hops?: number;
  /** W3C trace context: `traceparent`, `tracestate`, `baggage`. */
  readonly trace?: Readonly<Record<string, string>>;
  /** Default: the event is published at once. */
  readonly delayed?: Delayed;
}

/** When an emitted event is published. */
export interface Delayed {
  /** Milliseconds since 1970, by the server's clock. */
  readonly atMs: number;
  /** Key that cancels it until then. Default: it cannot be cancelled by a key. */
  readonly key?: string;
  /** Name of the function that emits it, whose consumer on RETRIES receives it when it is due. */
  readonly functionName: string;
}
