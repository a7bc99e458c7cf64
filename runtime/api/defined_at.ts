/** Stack of the call that defined each function. Its text is made only where it is read, which is in tests. */
const STACKS = new WeakMap<object, Error>();

/** Remembers where a function is defined. Call it while the definition is made. */
export function rememberPlace(definition: object): void {
  STACKS.set(definition, new Error("defined here"));
}

/** Returns the stack of the call that defined a function: empty for a definition of another shape. */
export function definedAt(definition: object): string {
  return STACKS.get(definition)?.stack ?? "";
}
