import { el } from "./el.js";
import { count, counted, duration, rate, UNKNOWN } from "./format.js";
import { FilterField } from "./filter_field.js";
import { graph, live } from "./live.js";
import { Empty, Loading, Panel } from "./parts.js";
import { address, Link, pathTo, setQuery } from "./router.js";
import { Sparkline } from "./sparkline.js";
import { isTrouble, rankOf, StateChip, toneOf } from "./states.js";
import { useStore } from "./store.js";

/** Columns: their name, the value to sort by, and what a cell shows. Figures sort from the largest. */
const COLUMNS = [
  { id: "state", name: "State", by: ({ now }) => rankOf(now?.state ?? "unknown"), rising: true, cell: StateCell },
  { id: "name", name: "Function", by: ({ name }) => name.toLowerCase(), rising: true, cell: NameCell },
  { id: "rate", name: "Rate", by: ({ now }) => now?.rate, cell: RateCell, right: true },
  { id: "failed", name: "Failing", by: ({ now }) => failedShare(now), cell: FailedCell, right: true },
  {
    id: "p50",
    name: "p50",
    by: ({ now }) => now?.here?.p50Ms,
    cell: ({ now }) => duration(now?.here?.p50Ms),
    right: true,
  },
  {
    id: "p99",
    name: "p99",
    by: ({ now }) => now?.here?.p99Ms,
    cell: ({ now }) => duration(now?.here?.p99Ms),
    right: true,
  },
  { id: "running", name: "Running", by: ({ now }) => now?.here?.running, cell: RunningCell, right: true },
  {
    id: "waiting",
    name: "Waiting",
    by: ({ now }) => now?.pending,
    cell: ({ now }) => count(now?.pending),
    right: true,
  },
  {
    id: "oldest",
    name: "Oldest",
    by: ({ now }) => now?.oldestMs,
    cell: ({ now }) => now?.pending > 0 ? duration(now.oldestMs) : UNKNOWN,
    right: true,
  },
  {
    id: "retries",
    name: "Retries",
    by: ({ now }) => now?.retries,
    cell: ({ now }) => count(now?.retries),
    right: true,
  },
  { id: "dead", name: "Dead letters", by: ({ now }) => now?.deadLetters, cell: LettersCell, right: true },
];

/** Every function with its figures of now, those in trouble first. */
export default function FunctionsPage() {
  const whole = useStore(graph), now = useStore(live);
  const { query } = useStore(address);
  const text = query.get("filter") ?? "", sort = query.get("sort") ?? "state";
  if (!whole || !now) return el(Panel, { title: "Functions", flush: true }, el(Loading, { rows: 10 }));
  const all = whole.functions.map((fn) => ({ ...fn, now: now.functions[fn.name], rates: now.history.get(fn.name) }));
  const shown = all.filter((fn) =>
    [fn.name, ...fn.on, ...fn.emits].some((one) => one.toLowerCase().includes(text.toLowerCase()))
  );
  return [
    el(Head, { all }),
    el(
      "div.panel",
      all.length === 0
        ? el(Empty, { title: "No functions yet" }, "Write one with ", el("code", "deno task new NAME --on TYPE"), ".")
        : shown.length === 0
        ? el(Empty, { title: "No function matches" })
        : el(Table, { rows: sorted(shown, sort), sort }),
    ),
    el(
      "p.note.small.muted",
      "Rate, waiting, retries and dead letters are of all replicas. Failing, p50, p99 and running are of this process, over the last ten seconds.",
    ),
  ];
}

function Head({ all }) {
  const troubled = all.filter(({ now }) => isTrouble(now?.state)).length;
  return el(
    "div.head",
    el("h1", "Functions"),
    el(
      "span.muted",
      counted(all.length, "function"),
      troubled > 0 && [", ", el("span.bad-text", `${troubled} in trouble`)],
    ),
    el(
      "div.end",
      el(FilterField, { name: "filter", label: "Filter by name or event" }),
    ),
  );
}

function sorted(rows, sort) {
  const { by, rising } = COLUMNS.find(({ id }) => id === sort) ?? COLUMNS[0];
  const keyed = rows.map((row) => ({ row, key: by(row) ?? (rising ? "" : -1) }));
  keyed.sort((a, b) => {
    const order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    return (rising ? order : -order) || a.row.name.localeCompare(b.row.name, "en", { numeric: true });
  });
  return keyed.map(({ row }) => row);
}

function Table({ rows, sort }) {
  const head = COLUMNS.map(({ id, name, right, rising }) =>
    el(
      "th",
      {
        key: id,
        class: right ? "right" : "",
        "aria-sort": id === sort ? rising ? "ascending" : "descending" : undefined,
      },
      el("button", { type: "button", onClick: () => setQuery({ sort: id === "state" ? "" : id }) }, name),
    )
  );
  return el(
    "div.scroll",
    el(
      "table.functions",
      el("thead", el("tr", head)),
      el(
        "tbody",
        rows.map((row) =>
          el(
            "tr",
            { key: row.name },
            COLUMNS.map(({ id, cell, right }) => el("td", { key: id, class: right ? "right" : "" }, cell(row))),
          )
        ),
      ),
    ),
  );
}

function StateCell({ now }) {
  return el(StateChip, { state: now?.state ?? "unknown" });
}

function NameCell({ name }) {
  return el(Link, { href: pathTo("functions", name), class: "strong" }, name);
}

function RateCell({ now, rates }) {
  return el(
    "span.with-spark",
    el(Sparkline, { values: rates, tone: toneOf(now?.state) }),
    el("span.figure", rate(now?.rate), "/s"),
  );
}

/** Returns the share of attempts in this process that failed; undefined without attempts. */
function failedShare(now) {
  const { ack = 0, retry = 0, deadLetter = 0, leaseExpired = 0 } = now?.here?.perSecond ?? {};
  const failed = retry + deadLetter + leaseExpired;
  return ack + failed > 0 ? failed / (ack + failed) : undefined;
}

function FailedCell({ now }) {
  const share = failedShare(now);
  if (share === undefined) return UNKNOWN;
  return share === 0 ? "0%" : el("span.bad-text", share < 0.01 ? "<1%" : `${Math.round(share * 100)}%`);
}

function RunningCell({ now }) {
  if (!now?.here) return el("span.muted", { title: "Another process runs it" }, "elsewhere");
  const { running, concurrency } = now.here;
  return el(
    "span.meter-cell",
    el(
      "span.meter",
      { "aria-hidden": "true" },
      el("i", { style: { width: `${Math.min(100, running / concurrency * 100)}%` } }),
    ),
    el("span.figure", `${running}/${concurrency}`),
  );
}

function LettersCell({ name, now }) {
  if (!(now?.deadLetters > 0)) return count(now?.deadLetters);
  const href = `/console/dead-letters?function=${encodeURIComponent(name)}`;
  return el(Link, { href, class: "bad-text" }, count(now.deadLetters));
}
