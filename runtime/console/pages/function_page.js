import { el, useEffect, useState } from "./el.js";
import { useAsk } from "./api.js";
import { FunctionCharts } from "./function_charts.js";
import { Breakers, Errors, Policy, Ways } from "./function_parts.js";
import { FunctionFigures } from "./function_figures.js";
import { live, watchFunction } from "./live.js";
import { Answer, Chip } from "./parts.js";
import { PauseButton } from "./pause.js";
import { Link } from "./router.js";
import { StateChip } from "./states.js";
import { useStore } from "./store.js";

/** One function: what it does now, did in the last 15 minutes, and may do. */
export default function FunctionPage({ parts: [name] }) {
  const answer = useAsk(`functions/${encodeURIComponent(name)}`);
  return [
    el(Head, { name, known: answer.data }),
    el(Answer, { answer, rows: 14 }, (known) => el(Body, { name, known })),
  ];
}

function Head({ name, known }) {
  const status = useStore(live)?.functions[name] ?? known?.status;
  return el(
    "div.head",
    el("nav.crumb", { "aria-label": "Above" }, el(Link, { href: "/console/functions" }, "Functions")),
    el("h1", name),
    status && el(StateChip, { state: status.state }),
    known && !known.runsHere &&
      el(Chip, { title: "Charts and errors are of the process that runs it" }, "not in this process"),
    known && el("code.muted", known.file),
    el("div.end", status && el(PauseButton, { name, status })),
  );
}

function Body({ name, known }) {
  const status = useStore(live)?.functions[name] ?? known.status;
  const { series, errors, breakers } = useFresh(name, known);
  return el(
    "div.stack",
    el(FunctionFigures, { name, status }),
    el(FunctionCharts, { series, concurrency: known.concurrency }),
    el(
      "div.grid.side",
      el("div.stack", el(Errors, { errors, runsHere: known.runsHere }), el(Breakers, { breakers, status })),
      el("div.stack", el(Ways, { known }), el(Policy, { policy: known.policy })),
    ),
  );
}

/** Returns what was known when the page was opened, with what came since. */
function useFresh(name, known) {
  const [fresh, setFresh] = useState(known);
  useEffect(() => {
    setFresh(known);
    return watchFunction(
      name,
      ({ point, errors, breakers }) =>
        setFresh((former) => ({ ...former, series: withPoint(former.series, point), errors, breakers })),
    );
  }, [name, known]);
  return fresh;
}

/** Appends a point to each column. A point of a time that is there already replaces nothing. */
function withPoint(series, point) {
  if (!point || point.t <= (series.t.at(-1) ?? 0)) return series;
  const next = { ...series };
  for (const [column, values] of Object.entries(series)) {
    if (Array.isArray(values)) next[column] = [...values, point[column] ?? null].slice(-181);
  }
  return next;
}
