import { z } from "zod";
import type { Issue, Parse } from "../core/cloudevent.ts";
import { jsonText } from "../core/json_text.ts";
import { shorten } from "../core/text.ts";
import type { Upcasts } from "../core/upcast.ts";
import { boundIssues, MAX_ISSUES } from "./bounded_check.ts";

/**
 * Any zod schema. The narrower `z.ZodType` makes the compiler compare all of its methods, which slows an editor down in
 * every file that declares an event.
 */
export type AnySchema = z.core.SomeType;

/** HTTP ingress of an event. */
export interface IngressOptions {
  /** Path, such as `/orders`, that publishes the event besides `POST /events/{type}`. Default: none. */
  readonly route?: string;
}

/** Options of {@linkcode defineEvent}. */
export interface EventOptions<Type extends string, Schema extends AnySchema> {
  /** CloudEvents type and NATS subject: tokens between dots, such as `orders.created`. */
  readonly type: Type;
  /**
   * Version of the data's shape: a whole number from 1. Each event carries it, in `ce-dataschema`. Raise it with each
   * change: a process of the earlier release then leaves what its own schema refuses to the later one. `deno task
   * schemas check` says which changes break publishers or consumers.
   */
  readonly version: number;
  /** Shape of the data. A publisher sends the schema's input; a handler receives its output. */
  readonly data: Schema;
  /**
   * Pure functions that turn data of an earlier version into data of the next, by the version that each takes. They run
   * before the schema checks an event whose `ce-dataschema` names that version. Default: none.
   */
  readonly upcasts?: Upcasts;
  /** Allows HTTP clients to publish the event. Default: only functions may emit it. */
  readonly ingress?: IngressOptions;
  /**
   * Name of a stream that Weir does not own and that has the event. It must exist: Weir never creates or changes it,
   * and makes a consumer on it for each function that handles the event. Default: a stream of Weir's own.
   */
  readonly stream?: string;
}

/** An event type, as {@linkcode defineEvent} returns it. */
export interface EventDefinition<Type extends string = string, Schema extends AnySchema = AnySchema>
  extends EventOptions<Type, Schema> {
  /** Distinguishes it from other exports. */
  readonly kind: "event";
}

/**
 * Declares an event. Export it from a file in `schemas/`; no other registration is needed.
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

/** Types of the schemas that stand for an event without data, or for data that may be left out. */
const WITHOUT_DATA = ["undefined", "void", "optional"];

/**
 * Returns whether an event may have no data: if its schema is `z.undefined()` or `.optional()`. Other schemas that
 * accept `undefined`, such as `z.unknown()`, need data.
 */
export function mayLackData({ data }: { readonly data: AnySchema }): boolean {
  return WITHOUT_DATA.includes(data._zod.def.type);
}

/**
 * Returns the payload of an event: its data as JSON text, or an empty text if it has no data.
 *
 * @param where What the data is for, to begin the message.
 * @throws {TypeError} naming what JSON would drop or change, and `undefined` if the event needs data
 */
export function payloadText(event: { readonly data: AnySchema }, data: unknown, where: string): string {
  return data === undefined && mayLackData(event) ? "" : jsonText(data, where, "the data");
}

/** Returns the data of a payload that {@linkcode payloadText} returned. */
export function payloadData(payload: string): unknown {
  return payload === "" ? undefined : JSON.parse(payload);
}

const parsers = new WeakMap<EventDefinition, Parse>();

/** Returns the check of the event's data. Hot path: the schema is compiled on first use, see bench. */
export function parserOf(event: EventDefinition): Parse {
  return parsers.getOrInsertComputed(event, ({ data }) => parser(data));
}

function parser(schema: AnySchema): Parse {
  const runtime = schema as z.ZodType;
  boundIssues(runtime);
  const compiled = compile(runtime);
  return (data) => {
    try {
      const result = compiled.safeParse(data);
      return result.success ? { ok: true, value: result.data } : { ok: false, ...issuesOf(result.error) };
    } catch (error) {
      if (error instanceof RangeError) return TOO_DEEP; // the end of the stack
      throw error;
    }
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

/** Characters of an issue's path and of its message: both may hold keys of the data, which may be of any length. */
const MAX_TEXT = 300;
const TOO_DEEP = { ok: false, issues: [{ path: "", message: "is nested too deeply" }] } as const;

/** Returns the first issues of a schema's error, with their paths, and the number of the others. */
function issuesOf({ issues }: z.ZodError): { readonly issues: Issue[]; readonly omitted: number } {
  const first = issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    return { path: shorten(path.map(String).join("."), MAX_TEXT), message: shorten(message, MAX_TEXT) };
  });
  return { issues: first, omitted: issues.length - first.length };
}
