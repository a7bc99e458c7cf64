import { styleText } from "node:util";
import { indentedJson } from "../../core/indented_json.ts";
import { printableJson } from "../../telemetry/otel/logs/printable.ts";

/** Output target of a command. */
export interface Screen {
  /** True for a terminal: tables fit its width. In a pipe every row is one line, and nothing is cut. */
  readonly terminal: boolean;
  readonly colours: boolean;
  /** Width of the terminal. @default `COLUMNS` of a table */
  readonly columns?: number;
}

/** Names of styles; the terminal's theme decides what they look like. */
export type Colour = "red" | "yellow" | "green" | "cyan" | "dim" | "bold";

export function screen(): Screen {
  const terminal = Deno.stdout.isTerminal();
  const columns = terminal && Deno.consoleSize().columns || undefined;
  return { terminal, colours: terminal && !Deno.noColor, columns };
}

/** Colours a text if the target has colours. */
export function paint(colour: Colour, text: string, { colours }: Screen = screen()): string {
  return colours ? styleText(colour, text, { validateStream: false }) : text;
}

/**
 * Formats a time. On a terminal it is the local time of day, or the local date if that is not today. In a pipe it is
 * unchanged.
 */
export function shortTime(iso: string, nowMs: number, { terminal }: Screen = screen()): string {
  if (!terminal) return iso;
  const [date, time] = local(Date.parse(iso));
  return date === local(nowMs)[0] ? time : date;
}

function local(ms: number): [date: string, time: string] {
  const [date, time] = new Date(ms).toLocaleString("sv").split(" "); // Swedish is ISO without the zone
  return [date, time];
}

export function printJson(value: unknown): void {
  console.log(printableJson(indentedJson(value)));
}

/** Prints lines as they come, until the reader closes the pipe. Returns how many were printed. */
export async function printLines(lines: AsyncIterable<string>): Promise<number> {
  let printed = 0;
  for await (const line of lines) if (++printed && !writeLine(line)) break;
  return printed;
}

/** Writes a line, and returns false if the reader has closed the pipe, as `head` does. */
export function writeLine(line: string): boolean {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Returns a number of things, such as `1 event` or `2,000 events`. */
export function count(n: number, noun: string, plural: string = `${noun}s`): string {
  return `${formatNumber(n)} ${n === 1 ? noun : plural}`;
}

/** Returns a number for people: `2,000`. */
export function formatNumber(n: number): string {
  return n.toLocaleString("en-US");
}
