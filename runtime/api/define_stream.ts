import type { Duration } from "../core/duration.ts";

/** Options of {@linkcode defineStream}. */
export interface StreamOptions {
  /** Name of the stream: letters, digits, `_` and `-`, such as `ORDERS`. */
  readonly name: string;
  /** Subjects that the stream stores. Default: `<name in lower case>.>`. */
  readonly subjects?: readonly string[];
  /**
   * Time that events are kept.
   *
   * @default {"7d"}
   */
  readonly maxAge?: Duration;
  /** Greatest size, in bytes. At the limit new events are refused, and none are dropped. Default: no limit. */
  readonly maxBytes?: number;
  /**
   * Storage of the events.
   *
   * @default {"file"}
   */
  readonly storage?: "file" | "memory";
  /**
   * Time that JetStream remembers an event's id, to drop a duplicate.
   *
   * @default {"2m"}
   */
  readonly duplicateWindow?: Duration;
}

/** A stream, as {@linkcode defineStream} returns it. */
export interface StreamDefinition extends StreamOptions {
  /** Distinguishes it from other exports. */
  readonly kind: "stream";
}

/**
 * Declares a stream whose settings differ from the default. Export it from a file in `schemas/`. Without a declaration,
 * `orders.created` is stored in the stream `ORDERS`, which stores `orders.>`.
 *
 * Weir sets what is declared here at every start. It keeps every other setting that an operator has changed.
 *
 * @example
 * ```ts
 * import { defineStream } from "weir";
 *
 * export const Orders = defineStream({ name: "ORDERS", subjects: ["orders.>"], maxAge: "30d" });
 * ```
 */
export function defineStream(options: StreamOptions): StreamDefinition {
  return { ...options, kind: "stream" };
}
