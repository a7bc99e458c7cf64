import type { Msg } from "@nats-io/transport-node";
import { RawHeaders, splitMessage } from "../../nats/client/raw_headers.ts";
import type { SettledWord } from "../../nats/inspect/tail_protocol.ts";
import { decode } from "../../core/cloudevent.ts";
import { formatDuration } from "../../core/duration.ts";
import { parseTraceparent } from "../../core/traceparent.ts";
import { type Colour, paint, type Screen } from "../terminal/output.ts";

/** Of what is published, what a line shows where nothing else limits it; and how much of it is looked at. */
const DATA_LENGTH = 100;
const LOOKED_AT_BYTES = 4_096;
const LONGEST_ID = 36;

/** An event as it was published. What is not in the message is not known: plain ones get their id from the stream. */
interface PublishedEvent {
  readonly time: string;
  readonly type: string;
  readonly subject: string;
  readonly id?: string;
  readonly source?: string;
  readonly traceId?: string;
  readonly bytes: number;
  readonly data?: unknown;
  readonly data_base64?: string;
}

/** Reads a message that is not delivered by a consumer, so that its place in the stream is not known. */
export function readPublished(msg: Msg, nowMs: number): PublishedEvent {
  const { headers, payload } = splitMessage(msg), list = new RawHeaders(headers);
  const { event } = decode({
    stream: "",
    sequence: 0,
    subject: msg.subject,
    deliveryCount: 1,
    storedAtMs: nowMs,
    payload,
    headers: list,
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "",
    ackSubject: "",
  });
  const { data } = event;
  return {
    time: new Date(nowMs).toISOString(),
    type: event.type,
    subject: msg.subject,
    id: event.id === ":0" ? undefined : event.id,
    source: event.source === "/streams/" ? undefined : event.source,
    traceId: parseTraceparent(list.get("traceparent"))?.traceId,
    bytes: payload.length,
    ...(data === undefined || data instanceof Uint8Array ? { data_base64: payload.toBase64() } : { data }),
  };
}

/** Lines for a person, or for `grep`: columns that grow with what is in them, cut to the terminal's width. */
export class TailLines {
  #who: number;
  #type: number;
  #id = 4;

  /** @param full nothing is cut */
  constructor(
    readonly shown: Screen,
    readonly full: boolean,
    names: { readonly functions: readonly string[]; readonly types: readonly string[] },
  ) {
    this.#who = Math.max("published".length, ...names.functions.map((name) => name.length));
    this.#type = Math.max(0, ...names.types.map((type) => Math.min(type.length, 40)));
  }

  published(msg: Msg, nowMs: number): string {
    const { payload } = splitMessage(msg);
    // However large, of what is not shown nothing is made.
    const whole = this.full || payload.length <= LOOKED_AT_BYTES || isStructured(msg);
    const event = whole ? readPublished(msg, nowMs) : undefined;
    const id = event ? event.id : new RawHeaders(splitMessage(msg).headers).get("ce-id");
    const text = event && "data" in event
      ? JSON.stringify(event.data)
      : new TextDecoder().decode(payload.subarray(0, LOOKED_AT_BYTES));
    const data = this.full || this.shown.columns ? text : cut(text, DATA_LENGTH);
    return this.#line(new Date(nowMs).toISOString(), ["published", "cyan"], event?.type ?? msg.subject, id, [
      [data, "dim"],
    ]);
  }

  settled(word: SettledWord): string {
    const rest: Part[] = [[outcomeText(word), colourOf(word)], [`  ${took(word.durationMs)}`, "dim"]];
    if (word.error !== undefined) rest.push([`  ${word.error}`, "dim"]);
    return this.#line(word.time, [word.function, "bold"], word.type, word.id, rest);
  }

  omitted(count: number, of: "published" | "settled"): string {
    return paint("dim", `… ${count.toLocaleString("en")} more ${of}`, this.shown);
  }

  #line(time: string, [who, colour]: Part, type: string, id = "-", rest: readonly Part[]): string {
    const shortId = clean(this.full ? id : cut(id, LONGEST_ID));
    this.#who = Math.max(this.#who, who.length);
    this.#id = Math.max(this.#id, shortId.length);
    const parts: Part[] = [
      [`${time.slice(11, 23)}  `, "dim"],
      [`${who.padEnd(this.#who)}  `, colour],
      [`${clean(type).padEnd(this.#type)}  `],
      [`${shortId.padEnd(this.#id)}  `, "dim"],
      ...rest.map(([text, colour]) => [clean(text), colour] as Part),
    ];
    let left = this.full ? Infinity : this.shown.columns ?? Infinity;
    return parts.map(([text, colour]) => {
      const fits = cut(text, left);
      left -= fits.length;
      return colour && fits ? paint(colour, fits, this.shown) : fits;
    }).join("").trimEnd();
  }
}

type Part = readonly [text: string, colour?: Colour];

/** What became of a delivery, in words. */
export function outcomeText({ outcome, reason, delayMs, attempt, usesAttempt }: SettledWord): string {
  switch (outcome) {
    case "ack":
      return reason ? `skipped (${reason})` : attempt > 1 ? `ack (attempt ${attempt})` : "ack";
    case "lease-expired":
      return "lost (it may be with another process)";
    case "retry": {
      const used = usesAttempt ? `attempt ${attempt}` : "no attempt used";
      return `retry in ${roughly(delayMs ?? 0)} (${reason}, ${used})`;
    }
    case "dead-letter":
      return reason === "rejected" || reason === "attempts-exhausted"
        ? `dead-letter ${reason} (attempt ${attempt})`
        : `dead-letter ${reason}`; // it was not run
  }
}

function colourOf({ outcome, reason }: SettledWord): Colour {
  if (outcome === "ack") return reason ? "dim" : "green";
  return outcome === "dead-letter" ? "red" : outcome === "retry" ? "yellow" : "dim";
}

function roughly(ms: number): string {
  const round = ms < 1_000 ? 1 : ms < 10_000 ? 100 : 1_000, rounded = Math.round(ms / round) * round;
  return rounded % 1_000 === 0 || rounded < 1_000 ? String(formatDuration(rounded)) : `${rounded / 1_000}s`;
}

function took(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function isStructured(msg: Msg): boolean {
  return /^application\/cloudevents/i.test(new RawHeaders(splitMessage(msg).headers).get("content-type") ?? "");
}

/** One line, and nothing that moves a terminal's cursor or changes its colours. */
function clean(text: string): string {
  // deno-lint-ignore no-control-regex -- they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1)).toWellFormed()}…`.slice(0, length);
}
