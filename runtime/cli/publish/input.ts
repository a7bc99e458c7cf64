import { parse as parseJsonc, type ParseError, printParseErrorCode } from "jsonc-parser";
import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { issueText } from "../../core/cloudevent.ts";
import { inexactNumber } from "../../core/json_numbers.ts";

interface Item {
  readonly line: number;
  readonly data: unknown;
}

/**
 * Reads the data of one event as JSON, or of many as NDJSON, and validates all of it.
 *
 * @param source JSON, @FILE, or - for standard input.
 * @throws {Error} naming the first line that is not JSON or does not match the schema.
 */
export async function readData(source: string, event: EventDefinition): Promise<unknown[]> {
  const text = await read(source);
  const items = parse(text, source);
  for (const { line, data } of items) {
    const result = parserOf(event)(data);
    if (result.ok) continue;
    throw new Error(
      `${sourceName(source, items.length > 1 ? line : 0)} does not match ${event.type}: ${
        issueText(result.issues, result.omitted)
      }`,
    );
  }
  return items.map(({ data }) => data);
}

async function read(source: string): Promise<string> {
  if (source === "-") return await new Response(Deno.stdin.readable).text();
  if (!source.startsWith("@")) return source;
  try {
    return await Deno.readTextFile(source.slice(1));
  } catch (error) {
    throw new Error(`cannot read ${source.slice(1)}: ${(error as Error).message}`, { cause: error });
  }
}

function parse(text: string, source: string): Item[] {
  if (text.trim() === "") {
    throw new Error(`${sourceName(source)} is empty: give one event as JSON, or one on each line`);
  }
  const error = locateJsonError(text);
  if (!error) return [{ line: 1, data: exact(text, source) }];
  const lines = text.split("\n").map((content, i) => ({ content, line: i + 1 }))
    .filter(({ content }) => content.trim() !== "");
  if (isDocument(lines.map(({ content }) => content))) throw notJson(error, source, text.trimEnd().includes("\n"));
  return lines.map(({ content, line }) => {
    const error = locateJsonError(content);
    if (error) throw notJson({ ...error, line }, source, true);
    return { line, data: exact(content, source, line) };
  });
}

/** Parses JSON. @throws {Error} naming a number that parsing would change. */
function exact(text: string, source: string, line?: number): unknown {
  const inexact = inexactNumber(text);
  if (inexact === undefined) return JSON.parse(text);
  throw new Error(`${sourceName(source, line)} has the number ${inexact}, which JSON parsers change: give it as text`);
}

/** Returns true for one event over several lines: the first line ends too soon, and no other is an event by itself. */
function isDocument([first, ...others]: readonly string[]): boolean {
  if (others.length === 0) return true;
  return locateJsonError(first)?.cutOff === true &&
    !others.some((line) => line.startsWith("{") && !locateJsonError(line));
}

function notJson({ line, column, why, excerpt }: JsonError, source: string, several: boolean): Error {
  const name = sourceName(source);
  const location = source.startsWith("@")
    ? `${name}:${line}:${column}`
    : `${name}, ${several ? `line ${line}, ` : ""}column ${column},`;
  return new Error(`${location} is not JSON: ${why}\n${excerpt}`);
}

/** @param line Line of the source. Default: 0, which names no line. */
function sourceName(source: string, line = 0): string {
  const name = source === "-" ? "standard input" : source.startsWith("@") ? source.slice(1) : "the data";
  return line > 0 ? `${name}, line ${line},` : name;
}

type JsonError = NonNullable<ReturnType<typeof locateJsonError>>;

/** Characters of the excerpt before the error and from it on. */
const BEFORE = 50, AFTER = 30;

/**
 * Returns the location and the reason of the first error, with part of its line above a caret, or undefined if the text
 * is JSON. `cutOff` is true when the text is valid up to its end, and ends too soon.
 */
export function locateJsonError(text: string) {
  if (isJson(text)) return undefined;
  const errors: ParseError[] = [];
  parseJsonc(text, errors, { disallowComments: true });
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
