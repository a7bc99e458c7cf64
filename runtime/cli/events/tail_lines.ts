import type { Msg } from "@nats-io/transport-node";
import { splitMessage } from "../../nats/client/internals.ts";
import { RawHeaders } from "../../nats/client/message_headers.ts";
import { decodePublished } from "../../nats/inspect/published_event.ts";
import type { SettledReport } from "../../nats/inspect/tail_protocol.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { decodeAttribute } from "../../core/cloudevent.ts";
import { roughDuration } from "../../core/duration.ts";
import { parseTraceparent } from "../../core/traceparent.ts";
import { printable } from "../../telemetry/otel/logs/printable.ts";
import { cut, padded, width } from "../terminal/columns.ts";
import { type Colour, formatNumber, paint, type Screen } from "../terminal/output.ts";

/** Bytes of a payload that are parsed or decoded for a line. A line shows less than this of any payload. */
const PREVIEW_BYTES = 4_096;
/** Characters of an id that fit on a line: the length of a UUID. */
const ID_LENGTH = 36;

/** Ids that {@linkcode RepeatedIds} remembers: a repeat comes within minutes, if it comes. */
const REMEMBERED_IDS = 10_000;

/** Recognises messages whose id was published before on the same subject: JetStream stores them as duplicates, once. */
export class RepeatedIds {
  readonly #seen = new Set<string>();

  has(msg: Msg): boolean {
    const id = new RawHeaders(splitMessage(msg).headers).get("Nats-Msg-Id"), key = `${msg.subject} ${id}`;
    if (id === undefined) return false;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    if (this.#seen.size > REMEMBERED_IDS) this.#seen.delete(this.#seen.keys().next().value!);
    return false;
  }
}

/**
 * Parses a published message. No consumer delivers it, so its sequence is unknown. Fields that it does not contain are
 * undefined: a plain message gets its id from the stream.
 */
export function readPublished(msg: Msg, nowMs: number, names: Namespace = NO_NAMESPACE) {
  const { event, headers: list, payload } = decodePublished(msg, nowMs, names), { subject } = event;
  const { data } = event;
  return {
    time: new Date(nowMs).toISOString(),
    type: event.type,
    subject,
    id: event.id === ":0" ? undefined : event.id,
    source: event.source === "/streams/" ? undefined : event.source,
    traceId: parseTraceparent(list.get("traceparent"))?.traceId,
    bytes: payload.length,
    ...(data === undefined || data instanceof Uint8Array ? { data_base64: payload.toBase64() } : { data }),
  };
}

/** Formats lines of columns that grow with their contents, cut to the width of a terminal. */
export class TailLines {
  #who: number;
  #type: number;
  #id = 4;

  /**
   * @param full Whether lines stay uncut.
   * @param namespace Default: none.
   */
  constructor(
    readonly target: Screen,
    readonly full: boolean,
    names: { readonly functions: readonly string[]; readonly types: readonly string[] },
    readonly namespace: Namespace = NO_NAMESPACE,
  ) {
    this.#who = Math.max("published".length, ...names.functions.map((name) => name.length));
    this.#type = Math.max(0, ...names.types.map((type) => Math.min(type.length, 40)));
  }

  /** @param repeated Whether its id was published before. Default: false. */
  published(msg: Msg, nowMs: number, repeated = false): string {
    const { headers, payload } = splitMessage(msg);
    // A payload too large to show is not parsed.
    const event = this.full || payload.length <= PREVIEW_BYTES ? readPublished(msg, nowMs, this.namespace) : undefined;
    const id = event ? event.id : decodeAttribute(new RawHeaders(headers).get("ce-id") ?? "-");
    const data = event && "data" in event
      ? JSON.stringify(event.data)
      : new TextDecoder().decode(payload.subarray(0, PREVIEW_BYTES));
    return this.#line(
      new Date(nowMs).toISOString(),
      repeated ? ["repeated", "dim"] : ["published", "cyan"],
      event?.type ?? msg.subject,
      id,
      [
        [data, "dim"],
      ],
    );
  }

  /** @param time Time of its arrival, as lines of events have it: clocks of processes differ. Default: the report's. */
  settled(report: SettledReport, time = report.time): string {
    const rest: Part[] = [[outcomeText(report), colourOf(report)], [`  ${took(report.durationMs)}`, "dim"]];
    if (report.error !== undefined) rest.push([`  ${report.error}`, "dim"]);
    return this.#line(time, [report.function, "bold"], report.type, report.id, rest);
  }

  omitted(count: number, of: "published" | "settled"): string {
    return paint("dim", `… ${formatNumber(count)} more ${of}`, this.target);
  }

  #line(time: string, [who, colour]: Part, type: string, id = "-", rest: readonly Part[]): string {
    const name = printable(who), all = printable(id), shortId = this.full ? all : cut(all, ID_LENGTH);
    this.#who = Math.max(this.#who, width(name));
    this.#id = Math.max(this.#id, width(shortId));
    const parts: Part[] = [
      [`${printable(time.slice(11, 23))}  `, "dim"],
      [`${padded(name, this.#who)}  `, colour],
      [`${padded(printable(type), this.#type)}  `],
      [`${padded(shortId, this.#id)}  `, "dim"],
      ...rest.map(([text, colour]) => [printable(text), colour] as Part),
    ];
    let left = this.full ? Infinity : this.target.columns ?? Infinity;
    return parts.map(([text, colour]) => {
      const fits = cut(text, left);
      left -= width(fits);
      return colour && fits ? paint(colour, fits, this.target) : fits;
    }).join("").trimEnd();
  }
}

type Part = readonly [text: string, colour?: Colour];

/** Describes the outcome of a delivery. */
export function outcomeText({ outcome, reason, delayMs, attempt, usesAttempt }: SettledReport): string {
  switch (outcome) {
    case "ack":
      return reason ? `skipped (${reason})` : attempt > 1 ? `ack (attempt ${attempt})` : "ack";
    case "lease-expired":
      return "lease expired (another process may own the delivery)";
    case "retry": {
      const used = usesAttempt ? `attempt ${attempt}` : "no attempt used";
      return `retry in ${roughDuration(delayMs ?? 0)} (${reason}, ${used})`;
    }
    case "dead-letter":
      return reason === "rejected" || reason === "attempts-exhausted"
        ? `dead-letter ${reason} (attempt ${attempt})`
        : `dead-letter ${reason}`; // the handler did not run
  }
}

function colourOf({ outcome, reason }: SettledReport): Colour {
  if (outcome === "ack") return reason ? "dim" : "green";
  return outcome === "dead-letter" ? "red" : outcome === "retry" ? "yellow" : "dim";
}

function took(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
