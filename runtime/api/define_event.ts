import { z } from "zod";
import type { Issue, Parse } from "../core/cloudevent.ts";
import { jsonText } from "../core/json_text.ts";
import { shorten } from "../core/text.ts";
import type { Upcasts } from "../core/upcast.ts";
import { boundIssues, MAX_ISSUES } from "./bounded_check.ts";
import type { Signature, WebhookRequest } from "./webhook.ts";

/**
 * Any zod schema. The narrower `z.ZodType` makes the compiler compare all of its methods, which slows an editor down in
 * every file that declares an event.
 */
export type AnySchema = z.core.SomeType;

/** Replies to an event that arrive as other events. */
export interface ReplyOptions {
  /** Events that may be the reply; the first that arrives is. */
  readonly events: readonly EventDefinition[];
  /** Field of the data, text or a number, whose value the event and its reply have in common. */
  readonly by: string;
}

/** HTTP ingress of an event. */
export interface IngressOptions {
  /** Path, such as `/orders`, that publishes the event besides `POST /events/{type}`. Default: none. */
  readonly route?: string;
  /**
   * Events that reply to this one: a request with `Prefer: wait=5` is answered with the reply, if it arrives within
   * five seconds. Default: requests are answered once the event is stored.
   */
  readonly reply?: ReplyOptions;
  /**
   * Lets the publisher of an event follow it with `GET /events/{id}/progress`. The answer names the functions that
   * handle the event, and the types that they emit.
   *
   * @default {false}
   */
  readonly progress?: boolean;
  /**
   * Signature that makes the route the target of a webhook: it takes requests that are signed so, and needs no API key.
   * No other request publishes the event. Default: the route is as any other.
   */
  readonly signature?: Signature;
  /**
   * Returns the data of the event for the payload of a webhook, or undefined for a request that is no event: it is
   * answered 204. Default: the payload is the data.
   */
  // deno-lint-ignore no-explicit-any -- the sender decides its shape, and the schema checks the result
  readonly map?: (payload: any, request: WebhookRequest) => unknown;
  /**
   * Returns the sender's id of a webhook, which becomes the event's: JetStream stores an id once. Default: what the
   * scheme says is the id, or a random one for `hmac`.
   */
  // deno-lint-ignore no-explicit-any -- as in `map`
  readonly id?: (payload: any, request: WebhookRequest) => string | undefined;
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

/** Types of schemas that allow an event without data. */
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
 * @throws {TypeError} naming the part that JSON would drop or change, or if the data is `undefined` and the event needs
 * data
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

/**
 * Greatest length of an issue's path and of its message, in characters. Both may quote keys of the data, which may have
 * any length.
 */
const MAX_TEXT = 300;
const TOO_DEEP = { ok: false, issues: [{ path: "", message: "is nested too deeply" }] } as const;

/** Returns the first issues of a schema's error, with their paths, and the number of further issues. */
function issuesOf({ issues }: z.ZodError): { readonly issues: Issue[]; readonly omitted: number } {
  const first = issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    return { path: shorten(path.map(String).join("."), MAX_TEXT), message: shorten(message, MAX_TEXT) };
  });
  return { issues: first, omitted: issues.length - first.length };
}
