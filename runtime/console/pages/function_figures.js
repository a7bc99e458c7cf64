import { el } from "./el.js";
import { count, duration, rate, UNKNOWN } from "./format.js";
import { Link } from "./router.js";

/** The figures of now, in one row. */
export function FunctionFigures({ name, status }) {
  const here = status.here, letters = `/console/dead-letters?function=${encodeURIComponent(name)}`;
  const failed = here && here.perSecond.retry + here.perSecond.deadLetter + here.perSecond.leaseExpired;
  return el(
    "dl.figures-row.panel",
    el(Figure, { name: "Rate", value: rate(status.rate), unit: "/s" }),
    el(Figure, {
      name: "Failing",
      value: here ? rate(failed) : UNKNOWN,
      unit: "/s",
      tone: failed > 0 ? "bad-text" : "",
      own: true,
    }),
    el(Figure, { name: "p50 · p99", value: `${duration(here?.p50Ms)} · ${duration(here?.p99Ms)}`, own: true }),
    el(Figure, {
      name: "Running",
      value: here ? `${here.running}` : UNKNOWN,
      unit: here ? ` of ${here.concurrency}` : "",
      own: true,
    }),
    el(Figure, {
      name: "Waiting",
      value: count(status.pending),
      unit: status.pending > 0 ? ` · ${duration(status.oldestMs)} old` : "",
    }),
    el(Figure, { name: "Retries waiting", value: count(status.retries), tone: status.retries > 0 ? "warn-text" : "" }),
    el(Figure, {
      name: "Dead letters",
      value: status.deadLetters > 0
        ? el(Link, { href: letters, class: "bad-text" }, count(status.deadLetters))
        : count(status.deadLetters),
    }),
  );
}

function Figure({ name, value, unit, tone = "", own = false }) {
  return el(
    "div",
    el("dt", { title: own ? "Of this process" : "Of all replicas" }, name),
    el("dd", { class: tone }, value, unit && el("span.unit", unit)),
  );
}
