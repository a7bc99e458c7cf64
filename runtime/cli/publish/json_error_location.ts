import { parse, type ParseError, printParseErrorCode } from "jsonc-parser";

/** Where a text stops being JSON, and why. */
export interface JsonMistake {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly why: string;
  /** It is JSON as far as it goes, and ends too soon. */
  readonly cutOff: boolean;
  /** The place, with a caret below it. */
  readonly shown: string;
}

/** Letters shown of a long line, before the mistake and from there on. */
const BEFORE = 50, AFTER = 30;

/** The first mistake; undefined when it is JSON. */
export function jsonMistake(text: string): JsonMistake | undefined {
  if (isJson(text)) return undefined;
  const mistakes: ParseError[] = [];
  parse(text, mistakes, { disallowComments: true });
  const [{ error, offset, length }] = mistakes, code = printParseErrorCode(error), end = text.trimEnd().length;
  const cutOff = length === 0 || code === "UnexpectedEndOfString" && offset + length >= end;
  const before = text.slice(0, Math.min(offset, end)).split("\n");
  const line = before.length, column = before.at(-1)!.length + 1;
  const whole = text.split("\n")[line - 1].trimEnd().replaceAll("\t", " "), from = Math.max(0, column - 1 - BEFORE);
  const caret = " ".repeat(column - 1 - from) + "^";
  const why = cutOff ? "it ends too soon" : code.replaceAll(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const shown = `  ${whole.slice(from, column - 1 + AFTER)}\n  ${caret}`;
  return { line, column, why, cutOff, shown };
}

/** V8 parses far faster than the package, which is needed only for the place of a mistake. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
