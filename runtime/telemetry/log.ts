import { styleText } from "node:util";
import type { Log, LogFields } from "../authoring/context.ts";

/** From the most to the least that is written. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** How much is written: a level, and all above it. */
export type LogLevel = typeof LOG_LEVELS[number];
/** `json`: one object a line, for machines. `pretty`: for a person at a terminal. */
export type LogFormat = "json" | "pretty";

/** What a logger writes and how. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line, without its end. Default: standard output. */
  readonly write?: (line: string) => void;
}

const COLOR = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;
const UTF8 = new TextEncoder();

/** A structured logger; `fields` go on every line of it. */
export class Logger implements Log {
  readonly #write: (line: string) => void;

  constructor(readonly options: LogOptions, readonly fields: LogFields | (() => LogFields) = {}) {
    this.#write = options.write ?? writeLine;
  }

  /** A logger with more fields. Given as a function, they are only made when a line is written. */
  child(fields: LogFields | (() => LogFields)): Logger {
    return new Logger(this.options, () => ({ ...resolve(this.fields), ...resolve(fields) }));
  }

  /** Whether a line of that level would be written. */
  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.options.level);
  }

  readonly debug = (message: string, fields?: LogFields): void => this.line("debug", message, fields);
  readonly info = (message: string, fields?: LogFields): void => this.line("info", message, fields);
  readonly warn = (message: string, fields?: LogFields): void => this.line("warn", message, fields);
  readonly error = (message: string, fields?: LogFields): void => this.line("error", message, fields);

  /** A reader that went away must not end us: there is nobody to tell. */
  #writeWithout(line: string): void {
    try {
      this.#write(line);
    } catch {
      // nothing is left to try
    }
  }

  line(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.enabled(level)) return;
    const time = new Date().toISOString();
    const render = this.options.format === "json" ? json : pretty;
    try {
      this.#write(render(time, level, message, { ...resolve(this.fields), ...fields }));
    } catch (error) {
      this.#writeWithout(render(time, level, message, { unwritable_fields: String(error) }));
    }
  }
}

function json(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const own = { time, level, message }; // first on the line, and no field's to change
  return stringify({ ...own, ...fields, ...own });
}

function resolve(fields: LogFields | (() => LogFields)): LogFields {
  return typeof fields === "function" ? fields() : fields;
}

function pretty(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const { function: fn, span_id: _span, ...rest } = fields;
  const text = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : stringify(value)}`)
    .join(" ");
  const who = fn === undefined ? "" : styleText("bold", `${fn} `);
  return `${dim(time.slice(11, 23))} ${styleText(COLOR[level], level.padEnd(5))} ${who}${message} ${dim(text)}`;
}

/** Colours come out only on a terminal that shows them, and where `NO_COLOR` does not forbid it. */
function dim(text: string): string {
  return styleText("gray", text);
}

/** JSON that an error, a bigint or a circle does not break: a log line must never be what fails. */
function stringify(value: unknown): string {
  const seen = new WeakSet<object>();
  return JSON.stringify(value, (_key, inner) => {
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (seen.has(inner)) return "[seen above]";
    seen.add(inner);
    if (inner instanceof Error) {
      return { name: inner.name, message: inner.message, stack: inner.stack, cause: inner.cause };
    }
    return inner;
  }) ?? "undefined";
}

function writeLine(line: string): void {
  const bytes = UTF8.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
