import { el, useEffect, useState } from "./el.js";
import { queryOf, useAsk } from "./api.js";
import { TailRow } from "./events_row.js";
import { FilterField, FilterSelect } from "./filter_field.js";
import { graph } from "./live.js";
import { Button, Chip, Empty, Failed } from "./parts.js";
import { address, setQuery } from "./router.js";
import { useStore } from "./store.js";
import { useTail } from "./tail.js";

const OUTCOMES = ["published", "ack", "skipped", "retry", "dead-letter", "lease-expired"];

/** Events and outcomes as they happen, and before any happens those that are stored. */
export default function EventsPage() {
  const { query } = useStore(address);
  const [held, setHeld] = useState(false);
  const filters = Object.fromEntries(
    ["type", "function", "outcome", "text"].map((name) => [name, query.get(name) ?? ""]),
  );
  const tail = useTail(filters, held);
  useEffect(() => {
    const onKey = (event) => {
      if (event.key !== " " || event.target.closest("input, select, button, a, textarea, dialog, [tabindex='0']")) {
        return;
      }
      event.preventDefault();
      setHeld((held) => !held);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return [
    el(Head, { tail, held, setHeld }),
    el(Filters, { filters }),
    tail.denied &&
    el("div.banner.warn", "This user of NATS may not subscribe to ", el("code", tail.denied), ": rows are missing."),
    el("div.panel.tail", el(Rows, { tail, filters })),
  ];
}

function Head({ tail, held, setHeld }) {
  const { shown, total, processes, open } = tail;
  const state = open === false ? ["bad", "lost"] : held ? ["hold", "held"] : open ? ["ok", "live"] : ["", "connecting"];
  return el(
    "div.head",
    el("h1", "Events"),
    el("span", { role: "status" }, el(Chip, { tone: state[0] }, state[1])),
    total > shown &&
      el(Chip, {
        tone: "warn",
        title: "More happens than one can read: a sample is shown, outcomes other than ack first",
      }, `1 of ${Math.round(total / Math.max(shown, 1))} shown`),
    tail.unread > 0 &&
      el(Chip, { tone: "warn", title: "The text of these is not known here" }, `${tail.unread} not searched`),
    processes > 1 && el("span.muted", `of ${processes} processes`),
    el(
      "div.end",
      el(
        Button,
        { onClick: () => setHeld(!held), "aria-pressed": String(held), title: "Space" },
        held ? `Go on${tail.waiting ? ` (${tail.waiting} new)` : ""}` : "Hold",
      ),
    ),
  );
}

function Filters({ filters }) {
  const known = useStore(graph);
  const clear = () => setQuery({ type: "", function: "", outcome: "", text: "" });
  return el(
    "div.filters.above",
    el(FilterField, { name: "text", label: "Text in data, ids, errors" }),
    el(FilterSelect, { name: "type", label: "All events", options: known?.events.map(({ type }) => type) }),
    el(FilterSelect, { name: "function", label: "All functions", options: known?.functions.map(({ name }) => name) }),
    el(FilterSelect, { name: "outcome", label: "All outcomes", options: OUTCOMES }),
    Object.values(filters).some(Boolean) && el(Button, { kind: "plain", onClick: clear }, "Clear"),
  );
}

function Rows({ tail, filters }) {
  const isPlain = !filters.function && !filters.text && (!filters.outcome || filters.outcome === "published");
  const stored = useAsk(isPlain ? `events/recent${queryOf({ type: filters.type, limit: "30" })}` : undefined);
  const before = tail.rows.length < 30 && isPlain ? stored.data?.events ?? [] : [];
  const missing = isPlain &&
    stored.data?.unread.map((line) => el("div.banner.warn", { key: line }, `Stored events could not be read: ${line}`));
  if (tail.rows.length === 0 && before.length === 0) {
    if (stored.error) return el(Failed, { error: stored.error, onRetry: stored.reload });
    const title = tail.open ? "Waiting for events" : "Connecting";
    return [missing, el(Empty, { title }, "Each event that is published, and each outcome, appears here.")];
  }
  return el(
    "div.scroll",
    missing,
    el(
      "table.rows",
      el(
        "thead",
        el(
          "tr",
          ["Time", "What", "Event", "Function", "Details", "Attempt", "Took"].map((name, n) =>
            el("th", { key: name, class: n > 4 ? "right" : "" }, name)
          ),
        ),
      ),
      el("tbody", tail.rows.map((row) => el(TailRow, { key: row.key, row }))),
      before.length > 0 &&
        el(
          "tbody.before",
          el("tr", el("th", { colSpan: 7, scope: "rowgroup" }, "Stored before")),
          before.map((row) => el(TailRow, { key: `${row.stream} ${row.sequence}`, row: { ...row, kind: "stored" } })),
        ),
    ),
  );
}
