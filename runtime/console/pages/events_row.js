import { el, useState } from "./el.js";
import { ask, queryOf } from "./api.js";
import { clock, duration } from "./format.js";
import { go, Link, pathTo } from "./router.js";
import { OutcomeChip } from "./states.js";

/** One row: an event that was published or is stored, or the outcome of an attempt. */
export function TailRow({ row }) {
  const { kind, time, attempt, durationMs } = row;
  return el(
    "tr",
    el("td.muted.mono", { title: time }, clock(time)),
    el(
      "td",
      kind === "settled"
        ? el(OutcomeChip, { outcome: row.outcome })
        : kind === "stored"
        ? el("span.chip", "stored")
        : el(OutcomeChip, { outcome: "published" }),
    ),
    el("td", el(EventLink, { row })),
    el("td", row.function && el(Link, { href: pathTo("functions", row.function) }, row.function)),
    el("td.fill.small", el(Details, { row })),
    el("td.right", attempt),
    el("td.right", durationMs === undefined ? "" : duration(durationMs)),
  );
}

/** Leads to the page of the event. Where it is stored must be asked for if it was only just published. */
function EventLink({ row: { stream, sequence, type, id } }) {
  const [missing, setMissing] = useState(false);
  const name = el("code", type);
  if (stream !== undefined) return el(Link, { href: pathTo("events", stream, String(sequence)) }, name);
  if (id === undefined || missing) {
    return el("span", { title: missing ? "It is not stored, or not yet" : undefined }, name);
  }
  const find = async () => {
    try {
      const found = await ask(`events/find${queryOf({ type, id })}`);
      go(pathTo("events", found.stream, String(found.sequence)));
    } catch {
      setMissing(true);
    }
  };
  return el("button.as-link", { type: "button", onClick: find }, name);
}

function Details({ row: { error, reason, preview, delayMs, id } }) {
  if (error) return [reason && el("span.muted", `${reason}: `), el("span.bad-text.mono", error)];
  if (reason) return el("span.muted", delayMs ? `${reason}, again in ${duration(delayMs)}` : reason);
  return el("span.muted.mono", preview ?? id);
}
