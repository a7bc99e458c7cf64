import type { Msg } from "@nats-io/transport-node";
import type { Outcome } from "../core/outcome.ts";
import { parseTraceparent } from "../core/traceparent.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { EventStream } from "../http/event_stream.ts";
import { decodePublished } from "../nats/inspect/published_event.ts";
import { TailClient } from "../nats/inspect/tail_client.ts";
import { subjectsOf } from "../project/registry.ts";
import { openStream } from "./event_stream.ts";
import type { ConsoleOptions } from "./options.ts";
import { previewOf } from "./payload_view.ts";

/** Interval of the messages in milliseconds, and the rows of one: up to 48 a second, which a reader can still follow. */
const INTERVAL_MS = 250, MAX_ROWS = 12;

/** Selects rows; an omitted field selects all. */
export interface TailSelection {
  readonly type?: string;
  readonly function?: string;
  /** `skipped`: acked without a run of the handler. */
  readonly outcome?: "published" | "skipped" | Outcome["kind"];
  /** Text that the type, the id, the error or the beginning of the data contains, in any case. */
  readonly text?: string;
}

interface Row {
  readonly kind: "published" | "settled";
  readonly key: number;
  readonly type: string;
  readonly id?: string;
  readonly error?: string;
  readonly preview?: string;
}

/** One row of a slice of time, which is only made if it is shown. */
type MakeRow = () => Row;

/**
 * Answers with a stream of what happens in the whole cluster: events as they are published, and deliveries as any
 * process settles them. Of a busy moment it shows a fair sample, and the count of all.
 */
export function openTail(
  { registry, cluster: { nc, names } }: Pick<ConsoleOptions, "registry" | "cluster">,
  selection: TailSelection,
  stopping: AbortSignal,
): Response {
  const rows = new Sample(selection.text?.toLowerCase());
  const onEnd: (() => void)[] = [], stream = openStream(stopping, () => onEnd.forEach((end) => end()));
  const { outcome, function: fn, type } = selection;
  const subjects = outcome === undefined || outcome === "published"
    ? subjectsOf(registry).map((subject) => names.subject(subject))
    : [];
  let key = 0;
  const client = new TailClient(nc, systemClock, { subjects, function: fn, type }, {
    published: (msg) => {
      if (outcome !== undefined && outcome !== "published") return;
      const nowMs = Date.now(), own = key++;
      rows.add(() => publishedRow(msg, own, nowMs, names));
    },
    settled: (report, process) => {
      const isSkipped = report.outcome === "ack" && report.reason !== undefined;
      if (outcome !== undefined && outcome !== (isSkipped ? "skipped" : report.outcome)) return;
      const own = key++;
      rows.add(() => ({ kind: "settled", key: own, ...report, process }) as Row);
    },
    omitted: (count) => rows.omitted(count),
    processes: (count) => void stream.send("processes", { count }),
    denied: (subject) => void stream.send("denied", { subject }),
  }, names);
  if (stopping.aborted) return stream.response;
  const timer = setInterval(() => rows.flush(stream), INTERVAL_MS);
  onEnd.push(() => clearInterval(timer), () => client.stop());
  client.start().catch(() => {}); // the connection is closed
  return stream.response;
}

/** The rows of a slice of time: each that matches is as likely to be shown as any other. */
class Sample {
  #rows: MakeRow[] = [];
  #total = 0;
  #omitted = 0;

  /** @param text Text in lower case that a row contains. Default: any. */
  constructor(readonly text?: string) {}

  add(make: MakeRow): void {
    if (this.text !== undefined) {
      const row = make();
      if (!this.#matches(row)) return;
      make = () => row;
    }
    if (this.#total++ < MAX_ROWS) return void this.#rows.push(make);
    const instead = Math.floor(Math.random() * this.#total);
    if (instead < MAX_ROWS) this.#rows[instead] = make;
  }

  /** Counts what the processes left out, since it was too much to report. */
  omitted(count: number): void {
    this.#omitted += count;
  }

  flush(stream: EventStream): void {
    if (this.#total === 0 && this.#omitted === 0) return;
    const rows = this.#rows.map((make) => make()).sort((a, b) => a.key - b.key);
    // The text of what was left out is not known.
    const counts = this.text === undefined
      ? { total: this.#total + this.#omitted }
      : { total: this.#total, unread: this.#omitted };
    stream.send("rows", { rows, shown: rows.length, ...counts });
    this.#rows = [];
    this.#total = this.#omitted = 0;
  }

  #matches({ type, id, error, preview }: Row): boolean {
    return [type, id, error, preview].some((one) => one?.toLowerCase().includes(this.text!));
  }
}

function publishedRow(msg: Msg, key: number, nowMs: number, names: ConsoleOptions["cluster"]["names"]): Row {
  const { event: { type, subject, id, source }, headers, payload } = decodePublished(msg, nowMs, names);
  return {
    kind: "published",
    key,
    time: new Date(nowMs).toISOString(),
    type,
    subject,
    ...(id !== ":0" && { id }),
    ...(source !== "/streams/" && { source }),
    traceId: parseTraceparent(headers.get("traceparent"))?.traceId,
    bytes: payload.length,
    preview: previewOf(payload),
  } as Row;
}
