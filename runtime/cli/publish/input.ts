import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { type JsonMistake, jsonMistake } from "./json_error_location.ts";
import { issueText } from "../../core/cloudevent.ts";

/** One event's data, and the line of its source that it came from. */
interface Item {
  readonly line: number;
  readonly data: unknown;
}

/**
 * The data of one event as JSON, or of one a line. All of it is read and checked before any is handed on.
 *
 * @param source JSON, @FILE, or - for standard input
 * @throws {Error} naming the first line that is no good.
 */
export async function readData(source: string, event: EventDefinition): Promise<unknown[]> {
  const text = await read(source);
  const items = parse(text, source);
  for (const { line, data } of items) {
    const result = parserOf(event)(data);
    if (result.ok) continue;
    throw new Error(
      `${where(source, items.length > 1 ? line : 0)} does not match ${event.type}: ${issueText(result.issues)}`,
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
  if (text.trim() === "") throw new Error(`${where(source)} is empty: give one event as JSON, or one a line`);
  const mistake = jsonMistake(text);
  if (!mistake) return [{ line: 1, data: JSON.parse(text) }];
  const lines = text.split("\n").map((content, i) => ({ content, line: i + 1 }))
    .filter(({ content }) => content.trim() !== "");
  if (isDocument(lines.map(({ content }) => content))) throw notJson(mistake, source, text.trimEnd().includes("\n"));
  return lines.map(({ content, line }) => {
    const mistake = jsonMistake(content);
    if (mistake) throw notJson({ ...mistake, line }, source, true);
    return { line, data: JSON.parse(content) };
  });
}

/** Whether it was meant as one event over several lines: the first goes on, and no other is an event by itself. */
function isDocument([first, ...others]: readonly string[]): boolean {
  if (others.length === 0) return true;
  return jsonMistake(first)?.cutOff === true && !others.some((line) => line.startsWith("{") && !jsonMistake(line));
}

function notJson({ line, column, why, shown }: JsonMistake, source: string, several: boolean): Error {
  const name = where(source);
  const place = source.startsWith("@")
    ? `${name}:${line}:${column}`
    : `${name}, ${several ? `line ${line}, ` : ""}column ${column},`;
  return new Error(`${place} is not JSON: ${why}\n${shown}`);
}

/** @param line 0: there is only one */
function where(source: string, line = 0): string {
  const name = source === "-" ? "standard input" : source.startsWith("@") ? source.slice(1) : "the data";
  return line > 0 ? `${name}, line ${line},` : name;
}
