import { styleText } from "node:util";
import { isSpanContextValid, trace } from "@opentelemetry/api";
import { fieldsOf, isOpaque, isThrown, textOf } from "./log_values.ts";
import type { LogDedup } from "./log_dedup.ts";
import { printable, printableJson } from "./printable.ts";
import { type Redact, redactor } from "./redact.ts";

/** The levels, from the most verbose. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
/** `json`: one object a line, for machines. `pretty`: for a terminal. */
type LogFormat = "json" | "pretty";
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /**
   * Writes one line, which is passed without its line break.
   *
   * @default writes to standard output
   */
  readonly write?: (line: string) => void;
  /**
   * Redacts secrets in a line before it is written, and cuts long texts.
   *
   * @default only cuts, and redacts the queries of URLs
   */
  readonly redact?: Redact;
  /**
   * Limits repeated warnings and errors.
   *
   * @default all are written
   */
  readonly dedup?: LogDedup;
  /**
   * Receives every line that is written, for another destination. The record is not redacted.
   *
   * @default none
   */
  readonly send?: (record: LogRecord) => void;
}

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const COLOR = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;
const UTF8 = new TextEncoder();
/** Characters of a field, and of all fields of a line: collectors cut lines of more than 256 kB. */
const MAX_FIELD = 40_000, MAX_FIELDS = 100_000;
const withoutSecrets = redactor([]);

/**
 * A structured logger. Each line has the fields of the logger, and the ids of the active span: for people only that of
 * its trace. A line that counts those held back has neither. It never throws.
 */
export class Logger {
  readonly #write: (line: string) => void;

  constructor(readonly options: LogOptions, readonly fields: LogFields | (() => LogFields) = {}) {
    this.#write = options.write ?? writeLine;
  }

  /** Returns a logger with further fields. A function that returns fields is called only for lines that are written. */
  child(fields: LogFields | (() => LogFields)): Logger {
    return new Logger(this.options, () => ({ ...resolve(this.fields), ...resolve(fields) }));
  }

  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.options.level);
  }

  readonly debug = (message: unknown, fields?: unknown): void => this.line("debug", message, fields);
  readonly info = (message: unknown, fields?: unknown): void => this.line("info", message, fields);
  readonly warn = (message: unknown, fields?: unknown): void => this.line("warn", message, fields);
  readonly error = (message: unknown, fields?: unknown): void => this.line("error", message, fields);

  /**
   * Writes a line. Message and fields may be any value. A message that is not text, such as an error, also becomes the
   * field `error`.
   */
  line(level: LogLevel, message: unknown, fields?: unknown): void {
    if (!this.enabled(level)) return;
    let all = activeSpan();
    for (const add of [() => resolve(this.fields), () => errorField(message), () => fieldsOf(fields)]) {
      try {
        all = { ...all, ...add() };
      } catch (error) {
        all = { ...all, unwritable_fields: textOf(error) };
      }
    }
    const text = textOf(message);
    if (this.#isHeldBack(level, text, all)) return;
    this.#emit(level, text, all);
  }

  /** Only warnings and errors are limited: handlers log their own work at `info` and `debug`. */
  #isHeldBack(level: LogLevel, message: string, fields: LogFields): boolean {
    if (level !== "warn" && level !== "error") return false;
    const { function: functionName, error } = fields;
    const cause = error === undefined ? "" : textOf(error);
    return this.options.dedup?.holdsBack(level, functionName, `${message} ${cause}`, (heldBack, windowMs) => {
      const more = `${message} … and ${heldBack.toLocaleString("en")} more in ${windowMs / 1_000} s`;
      const name = functionName !== undefined && { function: functionName };
      this.#emit(level, more, { ...name, held_back: heldBack });
    }) ?? false;
  }

  #emit(level: LogLevel, message: string, fields: LogFields): void {
    const { redact = withoutSecrets, send } = this.options;
    const time = new Date().toISOString();
    const format = this.options.format === "json" ? json : pretty;
    const line = format(time, level, redact(message), fields, redact);
    try {
      this.#write(line);
    } catch {
      // Standard output was closed by its reader. The process must go on, and there is nowhere to report it.
    }
    send?.({ level, message, fields });
  }
}

/** Returns the ids of the active span. Fields of the same name override them. */
function activeSpan(): LogFields {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

function json(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const { time: _, level: __, message: ___, ...rest } = fields; // not overridden
  const own = JSON.stringify({ time, level, message }).slice(0, -1);
  const more = fieldsJson(rest, redact).map(([key, json]) => `,${JSON.stringify(key)}:${json}`);
  return printableJson(`${own}${more.join("")}}`);
}

function errorField(message: unknown): LogFields {
  return typeof message === "string" ? {} : { error: message };
}

function resolve(fields: LogFields | (() => LogFields)): LogFields {
  return typeof fields === "function" ? fields() : fields;
}

function pretty(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const { function: functionName, span_id: _, ...rest } = fields;
  const text = fieldsJson(rest, redact)
    .map(([key, json]) => `${key}=${json.startsWith('"') ? JSON.parse(json) : json}`).join(" ");
  const name = functionName === undefined ? "" : styleText("bold", printable(`${textOf(functionName)} `));
  const [what, more] = [printable(message), printable(text)];
  return `${dim(time.slice(11, 23))} ${styleText(COLOR[level], level.padEnd(5))} ${name}${what} ${dim(more)}`;
}

/** `styleText` writes colours only to a terminal that shows them, and not if `NO_COLOR` is set. */
function dim(text: string): string {
  return styleText("gray", text);
}

/** Returns the fields that JSON has, each as JSON of bounded length, and as many as fit on a line. */
function fieldsJson(fields: LogFields, redact: Redact): [key: string, json: string][] {
  const seen = new WeakSet<object>(), written: [string, string][] = [];
  let left = MAX_FIELDS, omitted = 0;
  for (const [key, value] of Object.entries(fields)) {
    const whole = stringify(value, redact, seen);
    if (whole === undefined) continue;
    const json = whole.length > MAX_FIELD ? JSON.stringify(redact(whole)) : whole;
    left -= key.length + json.length;
    if (left >= 0) written.push([key, json]);
    else omitted++;
  }
  return omitted === 0 ? written : [...written, ["omitted_fields", String(omitted)]];
}

/** Returns JSON, also of errors, bigints and circular values. Undefined for a value that JSON lacks. Never throws. */
function stringify(value: unknown, redact: Redact, seen: WeakSet<object>): string | undefined {
  const replacer = (_key: string, inner: unknown) => {
    if (typeof inner === "string") return redact(inner);
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (seen.has(inner)) return "[seen above]";
    seen.add(inner);
    if (inner instanceof Error) {
      const { name, message, stack, cause } = inner, { code, errors } = inner as { code?: unknown; errors?: unknown };
      return { name, message, code, errors, stack, cause };
    }
    return isThrown(inner) || isOpaque(inner) ? redact(textOf(inner)) : inner;
  };
  try {
    return JSON.stringify(value, replacer);
  } catch {
    return JSON.stringify(redact(textOf(value))); // a getter or a `toJSON` throws
  }
}

function writeLine(line: string): void {
  const bytes = UTF8.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
