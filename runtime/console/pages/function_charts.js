import { el } from "./el.js";
import { Chart } from "./chart.js";
import { count, duration, rate } from "./format.js";

const perSecond = (n) => n === null ? rate(null) : `${rate(n)}/s`;

/** Throughput, latency, handlers that run, and the backlog of one function. */
export function FunctionCharts({ series, concurrency }) {
  const { t } = series, limit = t.map(() => concurrency);
  return el(
    "div.grid.two",
    el(Chart, {
      title: "Attempts",
      note: "this process",
      t,
      format: perSecond,
      lines: [
        { label: "ack", colour: "ok", values: series.ack, fill: true },
        { label: "retry", colour: "warn", values: series.retry },
        { label: "dead letter", colour: "bad", values: series.deadLetter },
        ...(some(series.skipped) ? [{ label: "skipped", colour: "muted", values: series.skipped }] : []),
        ...(some(series.deferred) ? [{ label: "deferred", colour: "hold", values: series.deferred }] : []),
      ],
      key: `attempts ${some(series.skipped)} ${some(series.deferred)}`,
    }),
    el(Chart, {
      title: "Latency",
      note: "this process",
      t,
      format: duration,
      lines: [
        { label: "p50", colour: "accent", values: series.p50 },
        { label: "p99", colour: "hold", values: series.p99 },
      ],
    }),
    el(Chart, {
      title: "Running",
      least: 4,
      note: "this process",
      t,
      format: count,
      lines: [
        { label: "running", colour: "accent", values: series.running, fill: true },
        { label: "limit", colour: "muted", values: limit, dash: true },
      ],
    }),
    el(Chart, {
      title: "Waiting",
      least: 4,
      note: "all replicas",
      t,
      format: count,
      lines: [{ label: "waiting", colour: "warn", values: series.pending, fill: true }],
    }),
  );
}

const some = (values) => values.some((value) => value > 0);
