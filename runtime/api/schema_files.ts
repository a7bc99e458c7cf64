/**
 * Files of `schemas/`, by name, each with its exports. `schemas/_types.d.ts`, which `deno task types` writes and `deno
 * task dev` updates, augments it, so that an editor completes the type in `on: "…"` and types its data. It lists files
 * instead of events, so that only a new file makes it outdated. For a file that is missing there, `on:
 * "orders.created"` is a subject whose data is `unknown`.
 */
// deno-lint-ignore no-empty-interface
export interface SchemaFiles {}

/**
 * Any event of the project. It matches the `kind` of an export, which costs the compiler less than a comparison with
 * `EventDefinition`. A file that was removed is `any` and has no events. An event whose type is a plain `string` would
 * match every type, so it is left out.
 */
export type ProjectEvent = {
  [File in keyof SchemaFiles]: unknown extends SchemaFiles[File] ? never
    : SchemaFiles[File][keyof SchemaFiles[File]] extends infer Value
      ? Value extends { readonly kind: "event"; readonly type: infer Type extends string }
        ? string extends Type ? never : Value
      : never
    : never;
}[keyof SchemaFiles];

/** Type of an event that `schemas/` exports. */
export type KnownType = ProjectEvent["type"];

/** Event of a known type. */
export type EventOfType<Type extends KnownType> = Extract<ProjectEvent, { readonly type: Type }>;
