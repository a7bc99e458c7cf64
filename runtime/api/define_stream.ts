import type { Duration } from "../core/duration.ts";

/**
 * What {@linkcode defineStream} takes.
 *
 * @example
 * ```ts
 * import { defineStream, type StreamOptions } from "weir";
 *
 * const kept: Omit<StreamOptions, "name"> = { maxAge: "30d", maxBytes: 10_000_000_000 };
 * export const Orders = defineStream({ name: "ORDERS", ...kept });
 * ```
 */
export interface StreamOptions {
  /** The stream's name: letters, digits, `_` and `-`, such as `ORDERS`. */
  readonly name: string;
  /** The subjects it stores. Default: `<name in lower case>.>`. */
  readonly subjects?: readonly string[];
  /** How long events are kept. Default: seven days. */
  readonly maxAge?: Duration;
  /** How much is kept, in bytes. Default: no limit. At the limit new events are refused, none are dropped. */
  readonly maxBytes?: number;
  /** Where events are kept. Default: `file`. */
  readonly storage?: "file" | "memory";
  /** How long JetStream remembers an event's id to drop a repeat. Default: two minutes. */
  readonly duplicateWindow?: Duration;
}

/**
 * A stream, as {@linkcode defineStream} returns it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineStream, type StreamDefinition } from "weir";
 *
 * export const Orders: StreamDefinition = defineStream({ name: "ORDERS" });
 * assert.equal(Orders.kind, "stream");
 * ```
 */
export interface StreamDefinition extends StreamOptions {
  /** What tells it from other exports. */
  readonly kind: "stream";
}

/**
 * Declares a stream where the default is not enough. Export it from a file in `schemas/`.
 * Without one, `orders.created` is kept in the stream `ORDERS`, which stores `orders.>`.
 *
 * Weir owns what is declared here and sets it at every start; anything else someone set by hand stays.
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
