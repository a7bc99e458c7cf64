import { indentedJson } from "../../core/indented_json.ts";
import { printable, printableJson } from "../../telemetry/otel/logs/printable.ts";
import { cut, padded, width } from "./columns.ts";
import { paint, type Screen, screen } from "./output.ts";

/** Columns of a terminal that does not report its width. */
export const COLUMNS = 120;
/** Text between columns, and fewest columns of text that a column is narrowed to. */
const GAP = "  ", MIN_WIDTH = 4;
/** Rows that decide how wide the columns of a list are. Later rows are written as they are read. */
const SAMPLE = 500;

export type Cell = string | number;
/** The cells of a row, or a text of a line of its own below a row. */
export type Row = readonly Cell[] | { readonly below: string };

/**
 * Formats rows under a head. On a terminal, text that does not fit is cut, from the widest column first. In a pipe, the
 * lines of a cell are joined by commas.
 */
export function table(head: readonly string[], rows: readonly Row[], target: Screen = screen()): string {
  const layout = new Layout(head, rows, target);
  return [...layout.head(), ...rows.flatMap((row) => layout.lines(row))].join("\n");
}

/** The widths of a table's columns. */
class Layout {
  readonly #widths: readonly number[];
  readonly #columns: number;

  constructor(readonly names: readonly string[], sample: readonly Row[], readonly target: Screen) {
    this.#columns = target.terminal ? target.columns ?? COLUMNS : Infinity;
    const rows = [names, ...sample].filter(isCells).map((row) => row.map((cell) => this.#linesOf(cell)));
    const widths = names.map((_, at) => rows.reduce((most, row) => Math.max(most, ...(row[at] ?? []).map(width)), 0));
    this.#widths = fitting(widths, this.#columns);
  }

  head(): string[] {
    const head = this.lines(this.names).map((line) => paint("bold", line, this.target));
    const all = this.#widths.reduce((sum, width) => sum + width, GAP.length * (this.#widths.length - 1));
    return this.target.terminal ? [...head, "─".repeat(all)] : head;
  }

  lines(row: Row): string[] {
    if (!isCells(row)) {
      return [paint("dim", cut(`  ${printable(row.below.split("\n", 1)[0])}`, this.#columns), this.target)];
    }
    const cells = row.map((cell) => this.#linesOf(cell)), height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      this.#widths.map((width, at) => {
        const text = cells[at]?.[line] ?? "";
        return padded(this.target.terminal ? cut(text, width) : text, width);
      }).join(GAP).trimEnd());
  }

  #linesOf(cell: Cell): string[] {
    const lines = String(cell).split("\n").map(printable);
    return this.target.terminal ? lines : [lines.join(", ")];
  }
}

function isCells(row: Row): row is readonly Cell[] {
  return Array.isArray(row);
}

/** Narrows the widest columns until the table fits. */
function fitting(widths: readonly number[], columns: number): number[] {
  const all = [...widths], available = columns - GAP.length * (all.length - 1);
  const total = () => all.reduce((sum, width) => sum + width, 0);
  while (total() > available && Math.max(...all) > MIN_WIDTH) all[all.lastIndexOf(Math.max(...all))]--;
  return all;
}

/** A column of a list: its head in a pipe, its shorter head on a terminal, and its cells. */
export type Column<Item> = readonly [head: string, short: string, cell: (item: Item) => Cell];

/**
 * Formats a list while it is read. The error of an item is below it on a terminal, and in a last column in a pipe.
 *
 * @param columnsOf Returns the columns, from the first items.
 */
export async function* listLines<Item extends { readonly error: string }>(
  items: AsyncIterable<Item> | Iterable<Item>,
  columnsOf: (first: readonly Item[]) => readonly Column<Item>[],
  target: Screen,
): AsyncIterable<string> {
  let rows: ((item: Item) => Row[]) | undefined, layout: Layout | undefined;
  const start = function* (first: readonly Item[]) {
    const columns = columnsOf(first), { terminal } = target;
    const cells = (item: Item) => columns.map(([, , cell]) => cell(item));
    rows = (item) => terminal ? [cells(item), { below: item.error }] : [[...cells(item), item.error]];
    const names = columns.map(([head, short]) => terminal ? short : head);
    layout = new Layout(terminal ? names : [...names, "error"], first.flatMap(rows), target);
    yield* layout.head();
    for (const item of first) yield* rows(item).flatMap((row) => layout!.lines(row));
  };
  const first: Item[] = [];
  for await (const item of items) {
    if (layout) yield* rows!(item).flatMap((row) => layout!.lines(row));
    else if (first.push(item) === SAMPLE) yield* start(first);
  }
  if (!layout && first.length > 0) yield* start(first);
}

/** Formats a list as a JSON array while it is read. */
export async function* jsonLines(items: AsyncIterable<unknown> | Iterable<unknown>): AsyncIterable<string> {
  let last: string | undefined;
  for await (const item of items) {
    yield last === undefined ? "[" : `${last},`;
    last = printableJson(indentedJson(item)).replace(/^/gm, "  ");
  }
  yield* last === undefined ? ["[]"] : [last, "]"];
}
