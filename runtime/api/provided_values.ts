/** Knows the values of definitions, such as the opened resources of a running process. */
export interface ProvidedValues {
  /** Returns the value of a definition, or undefined if it has none. */
  find(definition: object): { readonly value: unknown } | undefined;
}

/** Values of this process, the newest first: while `dev` reloads, an earlier runtime may still stop. */
const ofProcess: ProvidedValues[] = [];
let inScope: () => ProvidedValues | undefined = () => undefined;

/** Provides values to the whole process. Returns a function that withdraws them. */
export function provideValues(values: ProvidedValues): () => void {
  ofProcess.unshift(values);
  return () => {
    const at = ofProcess.indexOf(values);
    if (at >= 0) ofProcess.splice(at, 1);
  };
}

/** Sets a function that returns the values for the running code. They replace the values of the process. */
export function setValueScope(scope: () => ProvidedValues | undefined): void {
  inScope = scope;
}

/** Returns the value of a definition for the running code, or undefined if it has none. */
export function providedValue(definition: object): { readonly value: unknown } | undefined {
  const scope = inScope();
  if (scope) return scope.find(definition);
  for (const values of ofProcess) {
    const found = values.find(definition);
    if (found) return found;
  }
  return undefined;
}
