/** Environment variables, and the files that they name. */
export interface Environment {
  get(name: string): string | undefined;
  readFile(path: string): string;
}

/** The text of a variable, or the problem with it. A variable that is not set has neither. */
export interface VariableText {
  readonly text?: string;
  readonly problem?: string;
}

/**
 * Reads a variable, or the file that its `NAME_FILE` names. An empty variable counts as unset.
 *
 * @param isSecret Whether `NAME_FILE` may be set instead of the variable.
 */
export function readVariable(environment: Environment, name: string, isSecret: boolean): VariableText {
  const text = environment.get(name) || undefined,
    path = isSecret ? environment.get(`${name}_FILE`) || undefined : undefined;
  if (path === undefined) return { text };
  if (text !== undefined) return { problem: `${name} and ${name}_FILE are both set: set only one of them` };
  const file = `${name}_FILE is ${JSON.stringify(path)}`;
  try {
    const read = readFileText(environment, path);
    return read.trim() === "" ? { problem: `${file}, which is empty` } : { text: read };
  } catch (error) {
    return { problem: `${file}, which cannot be read: ${(error as Error).message}` };
  }
}

/** Reads a file. Editors and `echo` end it with a line break, which is removed. Spaces may be a part of the secret. */
export function readFileText(environment: Environment, path: string): string {
  return environment.readFile(path).replace(/[\r\n]+$/, "");
}
