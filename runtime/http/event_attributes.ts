import type { IncomingEvent } from "./parse_events.ts";
import { malformed } from "./problem.ts";

/** RFC 3339: year, month, day, hour, minute, second, and the hours and minutes of an offset. */
const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,32})?(?:[Zz]|[+-](\d\d):(\d\d))$/;
/** Characters that CloudEvents allows in no attribute: controls, noncharacters and lone surrogates. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
/** Extensions that must not be empty if the event has them. */
const NON_EMPTY = ["subject"];
/** Characters that a URI reference must not contain, and a percent sign without its digits. */
const NOT_IN_URI = /[\s"<>\\^`{|}]|%(?![\da-f]{2})/i;
/** Greatest length of a source, in characters. It is part of every span of the event. */
const MAX_SOURCE = 1_024;

/** Decodes an attribute's header: quoted or not, and percent-encoded (CloudEvents HTTP binding, 3.1.3.2). */
export function attributeOf(header: string, value: string): string {
  const quoted = value.startsWith('"') ? /^"((?:[^"\\]|\\.)*)"$/.exec(value) : undefined;
  if (quoted === null) throw malformed(`header ${header} begins with a quote and is no quoted string`);
  const text = quoted ? quoted[1].replace(/\\(.)/g, "$1") : value;
  if (/[^\x20-\x7e]/.test(text)) throw malformed(`header ${header} has characters that must be percent-encoded`);
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(`header ${header} is not percent-encoded UTF-8: write % as %25`);
  }
}

/** Returns the key of an `Idempotency-Key` header: a quoted string of structured fields (RFC 9651), or plain text. */
export function keyOf(header: string): string {
  const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(header);
  if (quoted) return quoted[1].replace(/\\(.)/g, "$1");
  if (/^[ !#-+\--~]*$/.test(header)) return header;
  throw malformed('Idempotency-Key must be one key, of ASCII characters; quote one with a comma: "a,b"');
}

/** Returns the event if CloudEvents allows all of its attributes. @throws {Problem} 400 if not. */
export function checkAttributes(event: IncomingEvent): IncomingEvent {
  const { id, type, source, time, extensions } = event;
  if (type === "") throw malformed("type is empty");
  if (id !== undefined && (id === "" || id.length > 256)) throw malformed("an event's id has 1 to 256 characters");
  if (source !== undefined && (source === "" || source.length > MAX_SOURCE || NOT_IN_URI.test(source))) {
    throw malformed(`source is not a URI reference of 1 to ${MAX_SOURCE} characters`);
  }
  if (time !== undefined && !isTimestamp(time)) {
    throw malformed(`time ${JSON.stringify(time)} is not an RFC 3339 timestamp`);
  }
  checkText("id", id ?? "");
  checkText("source", source ?? "");
  if (extensions.dataschema !== undefined && !isUri(extensions.dataschema)) throw malformed("dataschema is not a URI");
  for (const name in extensions) {
    if (!/^[a-z0-9]{1,20}$/.test(name)) {
      throw malformed(`attribute ${JSON.stringify(name)}: a name is 1 to 20 lower-case letters and digits`);
    }
    if (extensions[name] === "" && NON_EMPTY.includes(name)) throw malformed(`${name} is empty`);
    checkText(name, extensions[name]);
  }
  return event;
}

/** Returns whether a text has characters that CloudEvents allows in no attribute. */
export function hasForbidden(text: string): boolean {
  return FORBIDDEN.test(text);
}

function checkText(name: string, text: string): void {
  if (hasForbidden(text)) throw malformed(`${name} must be well-formed text without control characters`);
}

/** A URI begins with its scheme; a URI reference need not (RFC 3986, 4.3). */
function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:./i.test(text) && !NOT_IN_URI.test(text);
}

function isTimestamp(text: string): boolean {
  const fields = TIMESTAMP.exec(text)?.slice(1).map((field) => Number(field ?? 0));
  if (!fields) return false;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = fields;
  const lastDay = new Date(Date.UTC(2_000 + year % 400, month, 0)).getUTCDate(); // the calendar repeats every 400 years
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && hour < 24 && minute < 60 && second < 60 &&
    offsetHour < 24 && offsetMinute < 60;
}
