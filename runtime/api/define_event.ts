import { z } from "zod";
import type { Issue, Parse } from "../core/cloudevent.ts";

/**
 * Any zod schema. Not `z.ZodType`: to compare a schema with all of its methods takes the compiler a quarter of a
 * second in every file that has one, which an editor's user waits for at each key.
 *
 * @example
 * ```ts
 * import { type AnySchema, defineEvent } from "weir";
 * import { z } from "zod";
 *
 * // An event of a family whose data have something in common.
 * export const audited = <Schema extends AnySchema>(type: `audit.${string}`, what: Schema) =>
 *   defineEvent({ type, version: 1, data: z.object({ by: z.string(), what }) });
 * ```
 */
export type AnySchema = z.core.SomeType;

/**
 * How an event may be published from outside, through the HTTP ingress.
 *
 * @example
 * ```ts
 * import { defineEvent, type IngressOptions } from "weir";
 * import { z } from "zod";
 *
 * const ingress: IngressOptions = { route: "/orders" };
 * export const OrderPlaced = defineEvent({ type: "orders.placed", version: 1, data: z.unknown(), ingress });
 * ```
 */
export interface IngressOptions {
  /** A path of its own besides `POST /events/{type}`, such as `/orders`. */
  readonly route?: string;
}

/**
 * What {@linkcode defineEvent} takes.
 *
 * @example
 * ```ts
 * import { type AnySchema, defineEvent, type EventOptions } from "weir";
 *
 * // An event that is never published from outside, whatever it is.
 * export function internal<Type extends string, Schema extends AnySchema>(options: EventOptions<Type, Schema>) {
 *   return defineEvent({ ...options, ingress: undefined });
 * }
 * ```
 */
export interface EventOptions<Type extends string, Schema extends AnySchema> {
  /** The CloudEvents type and the NATS subject: tokens between dots, such as `orders.created`. */
  readonly type: Type;
  /** Which revision of the data's shape this is: a whole number from 1. */
  readonly version: number;
  /** The shape of the data. What is sent is the schema's input; what a handler gets is its output. */
  readonly data: Schema;
  /** Present: it may be published from outside. Omitted: only functions may emit it. */
  readonly ingress?: IngressOptions;
}

/**
 * An event type, as {@linkcode defineEvent} returns it.
 *
 * @example
 * ```ts
 * import type { EventDefinition } from "weir";
 *
 * export function describe({ type, version, ingress }: EventDefinition): string {
 *   return `${type} v${version}, ${ingress ? "public" : "internal"}`;
 * }
 * ```
 */
export interface EventDefinition<Type extends string = string, Schema extends AnySchema = AnySchema>
  extends EventOptions<Type, Schema> {
  /** What tells it from other exports. */
  readonly kind: "event";
}

/**
 * Declares an event. Export it from a file in `schemas/`; nothing else registers it.
 *
 * @example
 * ```ts
 * import { defineEvent } from "weir";
 * import { z } from "zod";
 *
 * export const OrderCreated = defineEvent({
 *   type: "orders.created",
 *   version: 1,
 *   data: z.object({ orderId: z.string(), quantity: z.int().positive() }),
 *   ingress: { route: "/orders" },
 * });
 * ```
 */
export function defineEvent<const Type extends string, Schema extends AnySchema>(
  options: EventOptions<Type, Schema>,
): EventDefinition<Type, Schema> {
  return { ...options, kind: "event" };
}

const parsers = new WeakMap<EventDefinition, Parse>();

/** The event's schema as a check, compiled on first use: some nine times as fast as the schema itself. */
export function parserOf(event: EventDefinition): Parse {
  let parse = parsers.get(event);
  if (!parse) parsers.set(event, parse = parser(event.data));
  return parse;
}

function parser(schema: AnySchema): Parse {
  const compiled = compile(schema as z.ZodType);
  return (data) => {
    const result = compiled.safeParse(data);
    return result.success ? { ok: true, value: result.data } : { ok: false, issues: issuesOf(result.error) };
  };
}

function compile(schema: z.ZodType): z.ZodType {
  try {
    return z.compile(schema) as z.ZodType;
  } catch (error) {
    if (error instanceof z.ZodCompileUnsupportedError) return schema;
    throw error;
  }
}

/** Every issue of a schema's error, with its path. */
function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
}
