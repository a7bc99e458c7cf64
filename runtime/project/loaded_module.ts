/** A file of `functions/` or `schemas/`, and its exports. */
export interface LoadedModule {
  /** Path relative to the project, such as `functions/reserveInventory.ts`. */
  readonly file: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Yields every export of that kind, with its file. */
export function* exportsOf<Value extends { kind: string }>(modules: readonly LoadedModule[], kind: Value["kind"]) {
  for (const { file, exports } of modules) {
    for (const value of Object.values(exports)) {
      if (typeof value === "object" && value !== null && (value as Value).kind === kind) {
        yield { file, value: value as Value };
      }
    }
  }
}
