import { inspect } from "node:util";
import { type ErrorDetail, errorText } from "./outcome.ts";
import { shorten } from "./text.ts";

/**
 * Greatest number of errors that are read from one thrown value: the value, its causes and the parts of aggregates. It
 * also ends circles of causes.
 */
const MAX_ERRORS = 20;
/**
 * Greatest number of parts that are read from an aggregate. A batch that fails as a whole has thousands of parts with
 * the same error.
 */
const MAX_PARTS = 5;
/** Longest message and stack, in characters: both are logged, and an error may quote a whole payload. */
const MAX_TEXT = 16_000;
/** Characters of a stack that are kept for its frames: the message before them may fill the rest. */
const MAX_FRAMES = 4_000;
/** Longest name of an error, in characters: it is an attribute of spans. */
const MAX_NAME = 200;
const UNREADABLE = "a value that cannot be read";

/** Describes any thrown value: an error with its code, its parts and its causes. Never throws. */
export function errorDetail(thrown: unknown): ErrorDetail {
  try {
    const stack = isErrorLike(thrown) ? read(thrown, "stack") : undefined;
    const detail = { name: shorten(nameOf(thrown), MAX_NAME), message: cut(describe(thrown, new Set()), MAX_TEXT) };
    return typeof stack === "string" ? { ...detail, stack: cutStack(stack) } : detail;
  } catch {
    return { name: "Error", message: UNREADABLE }; // it has a symbol where text is expected, for one
  }
}

/** Returns a thrown value with its causes and the parts of aggregates, outermost first. Never throws. */
export function errorsIn(thrown: unknown): unknown[] {
  const found = new Set([thrown]);
  for (const error of found) { // also visits the errors that the loop adds
    for (const inner of [read(error, "cause"), ...partsOf(error)]) if (found.size < MAX_ERRORS) found.add(inner);
  }
  return [...found];
}

/** Tests a value's class. A proxy can make `instanceof` throw, which means no here. */
export function isA<Type>(value: unknown, type: abstract new (...args: never[]) => Type): value is Type {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Reads a property of any value: undefined if it has none, or if its getter throws. */
export function read(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

/** Writes any value as text, as JSON where that says something, and errors in it as their text. Never throws. */
export function valueText(value: unknown): string {
  return textIn(value, new Set());
}

/** @param seen Errors that are described already, as an object may hold the error that it caused. */
function textIn(value: unknown, seen: Set<unknown>): string {
  const replacer = (_key: string, inner: unknown) =>
    isA(inner, Error) ? errorText({ name: nameOf(inner), message: describe(inner, seen) }) : inner;
  try {
    const json = typeof value === "object" ? JSON.stringify(value, replacer) : undefined;
    if (json !== undefined && json !== "{}" && json !== "null") return json;
  } catch {
    // JSON cannot write the value.
  }
  try {
    return inspect(value, { breakLength: Infinity, maxStringLength: 1_000, maxArrayLength: 20 });
  } catch {
    return UNREADABLE;
  }
}

function describe(thrown: unknown, seen: Set<unknown>): string {
  if (thrown === undefined || thrown === null || thrown === "") {
    return `${thrown === "" ? "an empty text" : thrown} was thrown, which explains nothing: throw an Error`;
  }
  if (typeof thrown === "string") return thrown;
  if (isA(thrown, Response)) {
    const [status, statusText, url] = ["status", "statusText", "url"].map((name) => read(thrown, name));
    return ["HTTP", status, statusText, url && `from ${url}`].filter(Boolean).join(" ");
  }
  if (!isErrorLike(thrown)) return textIn(thrown, seen);
  if (seen.has(thrown) || seen.size >= MAX_ERRORS) return "…";
  seen.add(thrown);
  const own = messageOf(thrown), said: string[] = [];
  const parts = partsOf(thrown).map((part) => describe(part, seen)), more = countOf(thrown) - parts.length;
  if (parts.length > 0) said.push(`(errors: ${parts.join("; ")}${more > 0 ? `; … and ${more} more` : ""})`);
  const cause = read(thrown, "cause") ?? (isA(thrown, Event) ? read(thrown, "error") ?? read(thrown, "reason") : null);
  const because = cause === null || cause === undefined ? "" : describe(cause, seen);
  if (because !== "" && !own.includes(because)) said.push(`(cause: ${because})`);
  const code = codeOf(thrown, own);
  if (code !== undefined) said.unshift(`(code: ${code})`);
  return [own || (said.length === 0 ? "an error without a message" : ""), ...said].filter((part) => part !== "")
    .join(" ");
}

/** Errors of other realms and libraries that extend nothing have a message as well. */
function isErrorLike(thrown: unknown): boolean {
  return isA(thrown, Error) || isA(thrown, Event) || typeof read(thrown, "message") === "string";
}

/** End of the message about a missing permission. Deno's own message ends with the name of its flag. */
const PERMISSION_HINT = " in the task `start` of deno.json, which `dev` uses too";

function messageOf(error: unknown): string {
  const message = read(error, "message");
  if (read(error, "name") === "NotCapable" && String(message).endsWith(" flag")) return `${message}${PERMISSION_HINT}`;
  if (isA(error, Event)) return `event "${read(error, "type")}"${message ? `: ${message}` : ""}`;
  return typeof message === "string" ? message : message === undefined ? "" : valueText(message);
}

function nameOf(thrown: unknown): string {
  const isObject = isA(thrown, Response) || isA(thrown, Event);
  const name = isObject ? read(read(thrown, "constructor"), "name") : read(thrown, "name");
  return typeof name === "string" && name !== "" && (isObject || isErrorLike(thrown)) ? name : "Error";
}

/** Returns a code such as `ECONNREFUSED`, unless the name or the message says it already. */
function codeOf(error: unknown, message: string): string | number | undefined {
  const code = read(error, "code");
  if ((typeof code !== "string" && typeof code !== "number") || code === "" || isA(error, DOMException)) {
    return undefined;
  }
  const name = nameOf(error).toLowerCase();
  return message.includes(String(code)) || name.includes(String(code).replaceAll("-", "").toLowerCase())
    ? undefined
    : code;
}

function partsOf(error: unknown): unknown[] {
  try {
    const errors = read(error, "errors");
    if (Array.isArray(errors)) {
      return Array.from({ length: Math.min(errors.length, MAX_PARTS) }, (_, index) => errors[index]);
    }
    // A disposal failed after the block had: both are causes.
    return isA(error, SuppressedError) ? [read(error, "suppressed"), read(error, "error")] : [];
  } catch {
    return [];
  }
}

function countOf(error: unknown): number {
  const errors = read(error, "errors");
  return Array.isArray(errors) ? errors.length : 0;
}

/** Characters at which {@linkcode cut} may cut: white space, and separators of values in JSON, URLs and lists. */
const SEPARATORS = [..." \n\"',;&<>{}[]()"];

/** Cuts a text between words. A secret in it is redacted later, and half of a secret would not be recognised. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = Math.max(...SEPARATORS.map((separator) => text.lastIndexOf(separator, limit)));
  return `${text.slice(0, end > 0 ? end : limit)} …`;
}

/** Cuts a stack so that it keeps its frames, which come after the message. */
function cutStack(stack: string): string {
  if (stack.length <= MAX_TEXT) return stack;
  const frames = stack.indexOf("\n    at ");
  if (frames < 0) return cut(stack, MAX_TEXT);
  return cut(stack.slice(0, frames), MAX_TEXT - MAX_FRAMES) + cut(stack.slice(frames), MAX_FRAMES);
}
