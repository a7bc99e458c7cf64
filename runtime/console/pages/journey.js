import { el, useState } from "./el.js";
import { clock, count, duration } from "./format.js";
import { Button, Empty } from "./parts.js";
import { Link, pathTo } from "./router.js";
import { OutcomeChip, outcomeTone } from "./states.js";
import { depthsOf, isOwn, lineOf } from "./trace_line.js";

/** The attempts of an event, of those that led to it and of all that it caused, as a waterfall in time. */
export function Journey({ event }) {
  const { kept, spans: all, dropped, since } = event.journey;
  const [whole, setWhole] = useState(false);
  if (!kept) {
    return el(
      "p.body.muted",
      "Journeys are kept in ",
      el("code", "deno task dev"),
      " only. The states above are what NATS knows.",
    );
  }
  if (all.length === 0) {
    const why = `The last attempts since ${
      clock(since, false)
    } are kept: this event's have not ended, or others came since.`;
    return el(Empty, { title: "No attempt is known" }, why);
  }
  const line = lineOf(all, event), others = all.length - line.length;
  return [
    el(Waterfall, { spans: whole ? all : line, event }),
    others > 0 && el(
      "div.more",
      el(
        Button,
        { kind: "small", "aria-pressed": String(whole), onClick: () => setWhole(!whole) },
        whole ? "Only what belongs to this event" : `Show the whole trace: ${count(others)} more`,
      ),
    ),
    dropped > 0 && el("p.small.muted.body", `${count(dropped)} attempts of this trace are not kept any more.`),
  ];
}

function Waterfall({ spans, event }) {
  const from = Math.min(...spans.map(({ start, storedAt }) => Math.min(start, storedAt ?? start)));
  const to = Math.max(...spans.map(({ start, durationMs }) => start + durationMs));
  const scale = { from, length: Math.max(to - from, 1) }, depths = depthsOf(spans);
  const row = (span) => el(Row, { key: span.id, span, scale, depth: depths.get(span.id), own: isOwn(span, event) });
  return el("div.journey", el(Axis, { scale }), el("ol", spans.map(row)));
}

function Axis({ scale }) {
  const marks = [0, 0.25, 0.5, 0.75, 1];
  return el(
    "div.axis",
    { "aria-hidden": "true" },
    el("span", clock(scale.from)),
    el(
      "div.marks",
      marks.map((mark) =>
        el("i", { key: mark, style: { left: `${mark * 100}%` } }, mark > 0 && `+${duration(scale.length * mark)}`)
      ),
    ),
  );
}

function Row({ span, scale, depth, own }) {
  const [open, setOpen] = useState(false);
  const { function: name, attempt, outcome, event, start } = span;
  const told = `, ${outcome}, began after ${duration(start - scale.from)}`;
  return el(
    "li",
    { class: own ? "own" : "" },
    el(
      "button.span",
      { type: "button", "aria-expanded": String(open), onClick: () => setOpen(!open) },
      el(
        "span.who",
        { style: { paddingLeft: `${14 + Math.min(depth, 6) * 14}px` } },
        el("b", name),
        attempt > 1 && el("span.muted", ` attempt ${attempt}`),
        el("span.muted.mono", ` ${event.type}`),
        el("span.hidden", told),
      ),
      el(Bars, { span, scale }),
    ),
    open && el(SpanDetails, { span }),
  );
}

/** The time an event waited, the attempt, and the delay until its retry. */
function Bars({ span: { attempt, start, storedAt, durationMs, delayMs, outcome }, scale }) {
  const at = (time) => `${Math.min(100, Math.max(0, (time - scale.from) / scale.length * 100))}%`;
  const width = (ms) => `${Math.max(0, ms) / scale.length * 100}%`;
  const end = start + durationMs, endsLate = (end - scale.from) / scale.length > 0.85;
  return el(
    "span.lane",
    attempt === 1 && storedAt < start &&
      el("i.waited", { style: { left: at(storedAt), width: width(start - storedAt) } }),
    el("i.ran", { class: outcomeTone(outcome), style: { left: at(start), width: width(durationMs) } }),
    delayMs > 0 &&
      el("i.delay", { style: { left: at(end), width: width(Math.min(delayMs, scale.from + scale.length - end)) } }),
    el(
      "span.took",
      { style: endsLate ? { right: `calc(100% - ${at(start)})` } : { left: at(end) } },
      duration(durationMs),
    ),
  );
}

function SpanDetails({ span }) {
  const { outcome, reason, error, delayMs, emitted, event, start, function: name } = span;
  return el(
    "div.span-details",
    el(
      "div",
      el(OutcomeChip, { outcome }),
      reason && el("span.muted", ` ${reason}`),
      delayMs > 0 && el("span.muted", `, again after ${duration(delayMs)}`),
    ),
    el(
      "div.small.muted",
      `Began ${clock(start)} in `,
      el(Link, { href: pathTo("functions", name) }, name),
      ", with ",
      el(
        Link,
        { href: pathTo("events", event.stream, String(event.sequence)) },
        `${event.type} (${event.stream} ${event.sequence})`,
      ),
    ),
    error && el("pre.bad-text", error),
    emitted.length > 0 &&
      el("div", el("span.muted", "Emitted "), emitted.map(({ id, type }) => [el("code", { key: id }, type), " "])),
  );
}
