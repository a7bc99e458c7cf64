import { el } from "./el.js";
import { count, moment } from "./format.js";
import { Ago, Chip, Empty, Panel } from "./parts.js";
import { Link, pathTo } from "./router.js";

/** The last errors in groups, with a sample event of each. */
export function Errors({ errors, runsHere }) {
  if (errors.length === 0) {
    const why = runsHere ? "Errors of this process since its start appear here." : "This process does not run it.";
    return el(Panel, { title: "Last errors" }, el(Empty, { title: "No errors" }, why));
  }
  return el(
    Panel,
    { title: "Last errors", flush: true, end: "this process, in groups" },
    el("ul.errors", errors.map((error) => el(ErrorGroup, { key: `${error.reason} ${error.error}`, error }))),
  );
}

function ErrorGroup({ error }) {
  const { stream, sequence } = error;
  return el(
    "li",
    el("b.times", `${count(error.count)}×`),
    el(
      "div.what",
      el("pre", error.error),
      el("span.small.muted", el(Chip, error.reason), " last ", el(Ago, { time: error.last })),
    ),
    stream && el(Link, { href: pathTo("events", stream, String(sequence)), class: "small" }, "Event"),
  );
}

const TONES = { open: "bad", "half-open": "warn", closed: "ok" };

/** Breakers as they are, and their changes. */
export function Breakers({ breakers, status }) {
  const own = status.here ? [["function", status.here.breaker], ...Object.entries(status.here.dependencies)] : [];
  const states = own.map(([name, state]) => el(Chip, { key: name, tone: TONES[state] }, `${name}: ${state}`));
  return el(
    Panel,
    { title: "Breakers", flush: breakers.length > 0, end: states },
    breakers.length === 0
      ? el("p.muted", "No breaker has opened or closed since this process began.")
      : el("ul.changes", breakers.map((change) => el(Change, { key: `${change.at} ${change.name}`, change }))),
  );
}

function Change({ change: { at, of, name, from, to, elsewhere } }) {
  return el(
    "li",
    el("time.muted.small", { dateTime: at }, moment(at)),
    el("span", of === "dependency" ? name : "function"),
    el("span.muted", `${from} →`),
    el(Chip, { tone: TONES[to] }, to),
    elsewhere && el("span.small.muted", "by another process"),
  );
}

/** The events that wake a function, those that it emits, and what it needs. */
export function Ways({ known: { triggers, emits, needs } }) {
  const trigger = ({ pattern, event, schedule }) =>
    el("li", { key: pattern }, schedule ? `schedule ${schedule}` : el(TypeLink, { type: event ?? pattern }));
  return el(
    Panel,
    { title: "Events" },
    el("h3.caption", "Handles"),
    el("ul.types", triggers.map(trigger)),
    el("h3.caption", "Emits"),
    emits.length > 0
      ? el("ul.types", emits.map((type) => el("li", { key: type }, el(TypeLink, { type }))))
      : el("p.muted", "nothing"),
    needs.length > 0 &&
      [el("h3.caption", "Uses"), el("ul.types", needs.map((one) => el("li", { key: one }, el("code", one))))],
  );
}

function TypeLink({ type }) {
  return el(Link, { href: `/console/events?type=${encodeURIComponent(type)}` }, el("code", type));
}

/** The effective policy. What the file does not set is grey. */
export function Policy({ policy }) {
  const facts = policy.flatMap(({ path, value, isDefault }) => [
    el("dt", { key: path }, path),
    el("dd", { class: isDefault ? "muted" : "set" }, String(value)),
  ]);
  return el(Panel, { title: "Policy", end: "defaults are grey" }, el("dl.facts.policy", facts));
}
