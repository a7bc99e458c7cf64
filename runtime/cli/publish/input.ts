import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { type JsonErrorLocation, locateJsonError } from "./json_error_location.ts";
import { issueText } from "../../core/cloudevent.ts";

/** Data of one event, and its line in the source. */
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
  if (!error) return [{ line: 1, data: JSON.parse(text) }];
  const lines = text.split("\n").map((content, i) => ({ content, line: i + 1 }))
    .filter(({ content }) => content.trim() !== "");
  if (isDocument(lines.map(({ content }) => content))) throw notJson(error, source, text.trimEnd().includes("\n"));
  return lines.map(({ content, line }) => {
    const error = locateJsonError(content);
    if (error) throw notJson({ ...error, line }, source, true);
    return { line, data: JSON.parse(content) };
  });
}

/** Returns true for one event over several lines: the first line ends too soon, and no other is an event by itself. */
function isDocument([first, ...others]: readonly string[]): boolean {
  if (others.length === 0) return true;
  return locateJsonError(first)?.cutOff === true &&
    !others.some((line) => line.startsWith("{") && !locateJsonError(line));
}

function notJson({ line, column, why, excerpt }: JsonErrorLocation, source: string, several: boolean): Error {
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
