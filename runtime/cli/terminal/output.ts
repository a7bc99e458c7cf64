import Table from "cli-table3";
import { stripVTControlCharacters, styleText } from "node:util";
import { formatDuration } from "../../core/duration.ts";

/** Output target of a command. */
export interface Screen {
  /** True for a terminal: tables fit its width. In a pipe every row is one line, and nothing is cut. */
  readonly terminal: boolean;
  readonly colours: boolean;
  /** Width of the terminal. @default COLUMNS */
  readonly columns?: number;
}

/** Columns of a terminal that does not report its width. */
export const COLUMNS = 120;

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

/** A cell of a table, or one that spans several columns. */
export type Cell = string | number | { readonly colSpan: number; readonly content: string };

/**
 * Formats rows under a head. On a terminal, text that does not fit is cut, from the widest column first. In a pipe, the
 * lines of a cell are joined by commas.
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], target: Screen = screen()): string {
  const { terminal, columns = COLUMNS } = target;
  const widths = terminal ? fitting(widthsOf([head, ...rows]), columns) : [];
  const style = { head: target.colours ? ["bold"] : [], border: [], "padding-left": 0, "padding-right": 0 };
  const made = new Table({ head: [...head], style, chars: CHARS, colWidths: widths });
  for (const row of rows) made.push(terminal ? [...row] : row.map(flat));
  const lines = made.toString().split("\n").map((line) => line.trimEnd());
  if (terminal) lines.splice(1, 0, "─".repeat(Math.max(...lines.map(width))));
  return lines.join("\n");
}

/** Text between columns, and fewest columns of text that a column is narrowed to. */
const GAP = "  ", MIN_WIDTH = 4;
/** Empty borders: drawn ones would take three columns of text for each column of the table. */
const CHARS = {
  ...{ top: "", bottom: "", left: "", right: "", mid: "", middle: GAP },
  ...{ "top-mid": "", "top-left": "", "top-right": "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  ...{ "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
};

function width(text: string): number {
  return Math.max(...text.split("\n").map((line) => stripVTControlCharacters(line).length));
}

/** Returns the width of each column's longest line. Cells that span columns do not count. */
function widthsOf(rows: readonly (readonly Cell[])[]): number[] {
  return rows[0].map((_, column) =>
    Math.max(...rows.map((row) => typeof row[column] === "object" ? 0 : width(String(row[column] ?? ""))))
  );
}

/** Narrows the widest columns until the table fits. Spare width goes to the last column, for cells that span columns. */
function fitting(widths: readonly number[], columns: number): number[] {
  const all = [...widths], available = columns - GAP.length * (all.length - 1);
  const total = () => all.reduce((sum, width) => sum + width, 0);
  while (total() > available && Math.max(...all) > MIN_WIDTH) all[all.lastIndexOf(Math.max(...all))]--;
  all[all.length - 1] += Math.max(0, available - total());
  return all;
}

/** Returns a cell with the first line of a text, for a row of its own. */
export function below(text: string, columns: number, target: Screen): Cell {
  return { colSpan: columns, content: paint("dim", `  ${text.split("\n", 1)[0]}`, target) };
}

/** A column of a table: its head in a pipe, its shorter head on a terminal, and its cells. */
type Column<Row> = readonly [head: string, short: string, cell: (row: Row) => Cell];

/** Formats rows that have an error: below each row on a terminal, in a last column in a pipe. */
export function errorTable<Row extends { readonly error: string }>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  target: Screen,
): string {
  const cells = (row: Row) => columns.map(([, , cell]) => cell(row));
  if (!target.terminal) {
    return table([...columns.map(([head]) => head), "error"], rows.map((row) => [...cells(row), row.error]), target);
  }
  const lines = rows.flatMap((row) => [cells(row), [below(row.error, columns.length, target)]]);
  return table(columns.map(([, short]) => short), lines, target);
}

/** Formats a time: on a terminal the local time of day, or the local date if it is not today; in a pipe unchanged. */
export function shortTime(iso: string, nowMs: number, { terminal }: Screen = screen()): string {
  if (!terminal) return iso;
  const [date, time] = local(Date.parse(iso));
  return date === local(nowMs)[0] ? time : date;
}

function local(ms: number): [date: string, time: string] {
  const [date, time] = new Date(ms).toLocaleString("sv").split(" "); // Swedish is ISO without the zone
  return [date, time];
}

/** Formats a duration, rounded: to a tenth of a second from a second, a second from ten, or a minute from an hour. */
export function roughDuration(ms: number): string {
  const round = ms < 1_000 ? 1 : ms < 10_000 ? 100 : ms < 3_600_000 ? 1_000 : 60_000;
  const rounded = Math.max(0, Math.round(ms / round) * round);
  return rounded > 1_000 && rounded < 10_000 ? `${rounded / 1_000}s` : String(formatDuration(rounded));
}

function flat(cell: Cell): Cell {
  return typeof cell === "string" ? cell.split("\n").join(", ") : cell;
}

export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
