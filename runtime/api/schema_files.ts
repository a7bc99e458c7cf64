/**
 * The files of `schemas/`, by name, each with all it exports. `schemas/_types.d.ts`, which `deno task types` writes and
 * `deno task dev` keeps up, fills it in: so an editor completes every event's type in `on: "…"`, and types its data.
 *
 * It lists files and not events: an event is known as it is typed, and only another file makes the list wrong. Without
 * it, or for a file that it does not have, `on: "orders.created"` is a subject whose data is `unknown`.
 *
 * @example
 * ```ts
 * import type { SchemaFiles } from "weir";
 *
 * // As `schemas/_types.d.ts` has it: one property for each file.
 * export type Orders = SchemaFiles["orders.ts"];
 * export const type: Orders["OrderCreated"]["type"] = "orders.created";
 * ```
 */
// deno-lint-ignore no-empty-interface
export interface SchemaFiles {}

/**
 * Any event of the project, taken by what tells it from other exports: to compare each with an EventDefinition as a
 * whole would take the compiler longer. A file that is gone is `any` to it, and has none; an event whose type the
 * compiler knows as any `string` is none, for it would be every one.
 *
 * @example
 * ```ts
 * import type { ProjectEvent } from "weir";
 *
 * export function isPublic({ ingress }: ProjectEvent): boolean {
 *   return ingress !== undefined;
 * }
 * ```
 */
export type ProjectEvent = {
  [File in keyof SchemaFiles]: unknown extends SchemaFiles[File] ? never
    : SchemaFiles[File][keyof SchemaFiles[File]] extends infer Value
      ? Value extends { readonly kind: "event"; readonly type: infer Type extends string }
        ? string extends Type ? never : Value
      : never
    : never;
}[keyof SchemaFiles];

/**
 * The type of an event that `schemas/` exports.
 *
 * @example
 * ```ts
 * import type { KnownType } from "weir";
 *
 * export const shown: readonly KnownType[] = ["orders.created", "payments.captured"];
 * ```
 */
export type KnownType = ProjectEvent["type"];

/**
 * The event of that type.
 *
 * @example
 * ```ts
 * import type { EventOf, EventOfType } from "weir";
 *
 * export function orderOf({ data }: EventOf<EventOfType<"orders.created">>): string {
 *   return data.orderId;
 * }
 * ```
 */
export type EventOfType<Type extends KnownType> = Extract<ProjectEvent, { readonly type: Type }>;
