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

/** What is shown of a long line, before the mistake and from there on. */
const BEFORE = 50, AFTER = 30;

/** Undefined when it is JSON. */
export function jsonMistake(text: string): JsonMistake | undefined {
  const message = parseError(text);
  if (message === undefined) return undefined;
  const end = text.trimEnd().length, position = Math.min(positionOf(message, text), end);
  const before = text.slice(0, position).split("\n");
  const line = before.length, column = before.at(-1)!.length + 1;
  const whole = text.split("\n")[line - 1].trimEnd().replaceAll("\t", " "), from = Math.max(0, column - 1 - BEFORE);
  const caret = " ".repeat(column - 1 - from) + "^";
  const why = message.replace(/ in JSON at position.*| at position.*| in JSON$|, (\.\.\.)?".* is not valid JSON$/s, "")
    .replace(/^Unexpected end of JSON input$/, "it ends too soon");
  const shown = `  ${whole.slice(from, column - 1 + AFTER)}\n  ${caret}`;
  return { line, column, why, cutOff: position >= end, shown };
}

function parseError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** V8 says it of some mistakes only; of the others it is where the shortest beginning ends that cannot be mended. */
function positionOf(message: string, text: string): number {
  const told = /at position (\d+)/.exec(message);
  if (told) return Number(told[1]);
  let good = 0, bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isBeginning(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return isBeginning(text) ? text.length : good;
}

/** Whether it is JSON, or would be if it went on. */
function isBeginning(text: string): boolean {
  const message = parseError(text);
  if (message === undefined || /^Unexpected end|^Unterminated/.test(message)) return true;
  const told = /at position (\d+)/.exec(message);
  return told !== null && Number(told[1]) >= text.length;
}
