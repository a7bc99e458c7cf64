import Table from "cli-table3";
import { styleText } from "node:util";

/** Where a command writes to. */
export interface Screen {
  /** A person looks at it: tables have frames. Else a program reads it: a row is a line, columns are spaces apart. */
  readonly terminal: boolean;
  readonly colours: boolean;
}

/** Colours, as the terminal's owner has set them. */
export type Colour = "red" | "yellow" | "green" | "cyan" | "dim" | "bold";

/** Standard output. */
export function screen(): Screen {
  const terminal = Deno.stdout.isTerminal();
  return { terminal, colours: terminal && !Deno.noColor };
}

/** The text in a colour, where there are any. */
export function paint(colour: Colour, text: string, { colours }: Screen = screen()): string {
  return colours ? styleText(colour, text, { validateStream: false }) : text;
}

/** A cell of a table, or one that takes a whole row. */
export type Cell = string | number | { readonly colSpan: number; readonly content: string };

/** Rows under a head. In a pipe a cell of several lines is one, with commas between. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], shown: Screen = screen()): string {
  const style = { head: shown.colours ? ["bold"] : [], border: [], "padding-left": shown.terminal ? 1 : 0 };
  const made = new Table({ head: [...head], style, ...(!shown.terminal && PLAIN) });
  for (const row of rows) made.push(shown.terminal ? [...row] : row.map(flat));
  const text = made.toString();
  return shown.terminal ? text : text.split("\n").map((line) => line.trimEnd()).join("\n");
}

const NO_FRAME = { top: "", bottom: "", left: "", right: "", mid: "" };
const PLAIN = {
  chars: {
    ...NO_FRAME,
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    "left-mid": "",
    "mid-mid": "",
    "right-mid": "",
    middle: " ",
  },
};

function flat(cell: Cell): Cell {
  return typeof cell === "string" ? cell.split("\n").join(", ") : cell;
}

/** What a program reads: indented JSON. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
