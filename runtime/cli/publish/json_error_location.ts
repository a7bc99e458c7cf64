import { parse, type ParseError, printParseErrorCode } from "jsonc-parser";

/** Location and reason of the first error in a text that is not JSON. */
export interface JsonErrorLocation {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly why: string;
  /** True when the text is valid up to its end, and ends too soon. */
  readonly cutOff: boolean;
  /** Part of the line, with a caret below the error. */
  readonly excerpt: string;
}

/** Characters of the excerpt before the error and from it on. */
const BEFORE = 50, AFTER = 30;

/** Returns the location of the first error, or undefined if the text is JSON. */
export function locateJsonError(text: string): JsonErrorLocation | undefined {
  if (isJson(text)) return undefined;
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const [{ error, offset, length }] = errors, code = printParseErrorCode(error), end = text.trimEnd().length;
  const cutOff = length === 0 || code === "UnexpectedEndOfString" && offset + length >= end;
  const before = text.slice(0, Math.min(offset, end)).split("\n");
  const line = before.length, column = before.at(-1)!.length + 1;
  const whole = text.split("\n")[line - 1].trimEnd().replaceAll("\t", " "), from = Math.max(0, column - 1 - BEFORE);
  const caret = " ".repeat(column - 1 - from) + "^";
  const why = cutOff ? "it ends too soon" : code.replaceAll(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const excerpt = `  ${whole.slice(from, column - 1 + AFTER)}\n  ${caret}`;
  return { line, column, why, cutOff, excerpt };
}

/** Parses with V8, which is much faster than the package. Only the location of an error needs the package. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
