import { el, useEffect, useState } from "./el.js";
import { queryOf, session, useAsk } from "./api.js";
import { Letters } from "./dead_letters_list.js";
import { Confirm } from "./dialog.js";
import { FilterField, FilterSelect } from "./filter_field.js";
import { count, counted } from "./format.js";
import { beginJob, job, JobBanner } from "./jobs.js";
import { graph } from "./live.js";
import { Ago, Answer, Button, Chip, Empty, Failed } from "./parts.js";
import { address, setQuery } from "./router.js";
import { useStore } from "./store.js";

const NAMES = ["function", "type", "reason", "error"];
const REASONS = ["attempts-exhausted", "rejected", "invalid", "expired", "crashed", "looped"];

/** Dead letters in groups of one cause, and one by one. */
export default function DeadLettersPage() {
  const { query } = useStore(address);
  const filter = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
  const groups = useAsk(`dead-letters/groups${queryOf(filter)}`);
  const ended = useStore(job)?.state;
  useEffect(() => {
    if (ended && ended !== "running") groups.reload();
  }, [ended]);
  const total = groups.data?.total;
  return [
    el(
      "div.head",
      el("h1", "Dead letters"),
      total !== undefined && el("span.muted", counted(total, "letter")),
      el(
        "div.end",
        el(Button, { onClick: groups.reload }, "Refresh"),
        el(BulkButtons, { filter, total: total ?? 0, all: true }),
      ),
    ),
    el(JobBanner),
    el(Filters, { filter }),
    el(Answer, { answer: groups, rows: 8 }, (data) =>
      data.total === 0 ? el(Nothing, { filter }) : [
        el(Groups, { groups: data.groups, ungrouped: data.ungrouped }),
        el(Letters, { filter, turn: ended, key: JSON.stringify(filter) }),
      ]),
  ];
}

function Nothing({ filter }) {
  const filtered = Object.values(filter).some(Boolean);
  return el(
    "div.panel",
    filtered
      ? el(
        Empty,
        { title: "No dead letter matches" },
        el(Button, { onClick: () => setQuery({ function: "", type: "", reason: "", error: "" }) }, "Show all"),
      )
      : el(
        Empty,
        { title: "No dead letters" },
        "An event that a function cannot handle ends here, with its error. Nothing waits for you.",
      ),
  );
}

function Filters({ filter }) {
  const known = useStore(graph);
  const clear = () => setQuery({ function: "", type: "", reason: "", error: "" });
  return el(
    "div.filters.above",
    el(FilterField, { name: "error", label: "Text in the error" }),
    el(FilterSelect, { name: "function", label: "All functions", options: known?.functions.map(({ name }) => name) }),
    el(FilterSelect, { name: "type", label: "All events", options: known?.events.map(({ type }) => type) }),
    el(FilterSelect, { name: "reason", label: "All reasons", options: REASONS }),
    Object.values(filter).some(Boolean) && el(Button, { kind: "plain", onClick: clear }, "Clear"),
  );
}

function Groups({ groups, ungrouped }) {
  const head = ["Letters", "Function", "Reason", "Error", "Last", ""];
  return el(
    "div.panel.above",
    el(
      "div.scroll",
      el(
        "table.groups",
        el("caption.hidden", "Groups of one cause"),
        el(
          "thead",
          el(
            "tr",
            head.map((name, n) =>
              n === head.length - 1 ? el("td", { key: n }) : el("th", { key: n, class: n === 0 ? "right" : "" }, name)
            ),
          ),
        ),
        el("tbody", groups.map((group) => el(Group, { key: group.id, group }))),
      ),
    ),
    ungrouped > 0 &&
      el("p.body.small.muted", `${counted(ungrouped, "letter")} more are in no group: there are too many causes.`),
  );
}

function Group({ group: { id, count: letters, function: name, type, reason, error, last } }) {
  const show = () => setQuery({ error: id, function: name, reason: "", type: "" });
  return el(
    "tr",
    el("td.right.strong", count(letters)),
    el("td", name, el("div.small.muted.mono", type)),
    el("td", el(Chip, { tone: "bad" }, reason)),
    el(
      "td.fill",
      el("button.as-link.mono.cut", { type: "button", onClick: show, title: error }, error || "(no error)"),
    ),
    el("td.muted", el(Ago, { time: last })),
    el("td.right", el(BulkButtons, { filter: { error: id, function: name, reason, type }, total: letters })),
  );
}

/** Redrives or discards all that match, after a question. */
function BulkButtons({ filter, total, all = false }) {
  const [asks, setAsks] = useState(), [error, setError] = useState();
  const access = useStore(session)?.access, running = useStore(job)?.state === "running";
  const disabled = access !== "full" || running || total === 0;
  const begin = (action) =>
    beginJob(action, Object.fromEntries(Object.entries(filter).filter(([, value]) => value))).catch(setError);
  const kind = all ? "" : "small", suffix = all ? " all" : "";
  const what = counted(total, "dead letter");
  return [
    error && el(Failed, { error }),
    el(
      "span.pair",
      el(Button, { kind, disabled, onClick: () => setAsks("redrive") }, `Redrive${suffix}`),
      el(Button, { kind: `${kind} danger`, disabled, onClick: () => setAsks("discard") }, `Discard${suffix}`),
    ),
    asks === "redrive" &&
    el(
      Confirm,
      {
        title: `Redrive ${what}?`,
        action: `Redrive ${count(total)}`,
        onConfirm: () => begin("redrive"),
        onClose: () => setAsks(),
      },
      el(Matching, { filter }),
      "Each goes to its function again, and to no other. Those that come later are left.",
    ),
    asks === "discard" &&
    el(
      Confirm,
      {
        title: `Discard ${what}?`,
        action: `Discard ${count(total)}`,
        danger: true,
        onConfirm: () => begin("discard"),
        onClose: () => setAsks(),
      },
      el(Matching, { filter }),
      "They are deleted, with their data. This cannot be undone.",
    ),
  ];
}

function Matching({ filter }) {
  const set = Object.entries(filter).filter(([, value]) => value);
  if (set.length === 0) return null;
  return el(
    "p.muted.matching",
    set.map(([name, value]) => el("span", { key: name }, `${name} `, el("code", value), " ")),
  );
}
