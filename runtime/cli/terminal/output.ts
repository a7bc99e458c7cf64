import Table from "cli-table3";
import { stripVTControlCharacters, styleText } from "node:util";

/** Where a command writes to. */
export interface Screen {
  /** A person looks at it: tables fit its width. Else a program reads it: a row is a line, and nothing is cut. */
  readonly terminal: boolean;
  readonly colours: boolean;
  /** How wide the terminal is; {@linkcode COLUMNS} where that is not known. */
  readonly columns?: number;
}

/** What a terminal has that does not say. */
export const COLUMNS = 120;

/** Colours, as the terminal's owner has set them. */
export type Colour = "red" | "yellow" | "green" | "cyan" | "dim" | "bold";

/** Standard output. */
export function screen(): Screen {
  const terminal = Deno.stdout.isTerminal();
  const columns = terminal && Deno.consoleSize().columns || undefined;
  return { terminal, colours: terminal && !Deno.noColor, columns };
}

/** The text in a colour, where there are any. */
export function paint(colour: Colour, text: string, { colours }: Screen = screen()): string {
  return colours ? styleText(colour, text, { validateStream: false }) : text;
}

/** A cell of a table, or one that takes a whole row. */
export type Cell = string | number | { readonly colSpan: number; readonly content: string };

/**
 * Rows under a head. On a terminal what is too long for it is cut, from the widest column first. In a pipe a cell of
 * several lines is one, with commas between.
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], shown: Screen = screen()): string {
  const { terminal, columns = COLUMNS } = shown;
  const widths = terminal ? fitting(widthsOf([head, ...rows]), columns) : [];
  const style = { head: shown.colours ? ["bold"] : [], border: [], "padding-left": 0, "padding-right": 0 };
  const made = new Table({ head: [...head], style, chars: CHARS, colWidths: widths });
  for (const row of rows) made.push(terminal ? [...row] : row.map(flat));
  const lines = made.toString().split("\n").map((line) => line.trimEnd());
  if (terminal) lines.splice(1, 0, "─".repeat(Math.max(...lines.map(width))));
  return lines.join("\n");
}

/** No frame: it would take three columns for each of the table's. */
const GAP = "  ", LEAST = 4;
const CHARS = {
  ...{ top: "", bottom: "", left: "", right: "", mid: "", middle: GAP },
  ...{ "top-mid": "", "top-left": "", "top-right": "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  ...{ "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
};

function width(text: string): number {
  return Math.max(...text.split("\n").map((line) => stripVTControlCharacters(line).length));
}

/** How wide each column is by itself; a cell over several takes what those are. */
function widthsOf(rows: readonly (readonly Cell[])[]): number[] {
  return rows[0].map((_, column) =>
    Math.max(...rows.map((row) => typeof row[column] === "object" ? 0 : width(String(row[column] ?? ""))))
  );
}

/** The same, made narrower until it fits; with room to spare the last one is wider, for cells over several. */
function fitting(widths: readonly number[], columns: number): number[] {
  const all = [...widths], room = columns - GAP.length * (all.length - 1);
  const total = () => all.reduce((sum, one) => sum + one, 0);
  while (total() > room && Math.max(...all) > LEAST) all[all.lastIndexOf(Math.max(...all))]--;
  all[all.length - 1] += Math.max(0, room - total());
  return all;
}

/** The first line of a text, below a row and as wide as the table. */
export function below(text: string, columns: number, shown: Screen): Cell {
  return { colSpan: columns, content: paint("dim", `  ${text.split("\n", 1)[0]}`, shown) };
}

/** On a terminal local and short, the time of day or else the date; in a pipe as it is. */
export function shortTime(iso: string, nowMs: number, { terminal }: Screen = screen()): string {
  if (!terminal) return iso;
  const [date, time] = local(Date.parse(iso));
  return date === local(nowMs)[0] ? time : date;
}

function local(ms: number): [date: string, time: string] {
  const [date, time] = new Date(ms).toLocaleString("sv").split(" "); // Swedish is ISO without the zone
  return [date, time];
}

function flat(cell: Cell): Cell {
  return typeof cell === "string" ? cell.split("\n").join(", ") : cell;
}

/** What a program reads: indented JSON. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
