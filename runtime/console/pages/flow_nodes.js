import { el } from "./el.js";
import { count, duration, rate } from "./format.js";
import { Chip } from "./parts.js";
import { Link, pathTo } from "./router.js";
import { StateChip, toneOf } from "./states.js";

/** Age from which a waiting event counts as old: each one waits for a moment. */
const OLD_MS = 1_000;

function place({ x, y, width, height }) {
  return { left: `${x - width / 2}px`, top: `${y - height / 2}px`, width: `${width}px`, height: `${height}px` };
}

/** An event in the drawing. It leads to the live events of its type. */
export function EventNode({ node, dim, onPoint }) {
  const { type, ingress, schedule, description, pattern, stream } = node.event;
  const sign = schedule ? "◷" : ingress ? "→" : "";
  const what = schedule ? `schedule ${schedule}` : ingress ? "may be published from outside" : "internal";
  return el(
    Link,
    {
      href: `/console/events?type=${encodeURIComponent(type)}`,
      class: `node event ${ingress || schedule ? "source" : ""} ${pattern ? "pattern" : ""} ${dim ? "dim" : ""}`,
      style: place(node),
      title: [type, what, stream && `stream ${stream}`, description].filter(Boolean).join("\n"),
      ...pointing(node.id, onPoint),
    },
    sign && el("span.sign", { "aria-hidden": "true" }, sign),
    el("span.name", type),
  );
}

/** A function in the drawing, with its figures of now. It leads to its page. */
export function FunctionNode({ node, status, dim, onPoint }) {
  const { name } = node.fn, state = status?.state ?? "unknown";
  return el(
    Link,
    {
      href: pathTo("functions", name),
      class: `node function ${toneOf(state)} ${dim ? "dim" : ""}`,
      style: place(node),
      ...pointing(node.id, onPoint),
    },
    el("span.badges", badges(state, status)),
    el("span.name", name),
    " ",
    el(
      "span.line.figures",
      el("span", el("b", rate(status?.rate)), "/s"),
      el(
        "span",
        { title: "99th percentile of this process, last 10 s" },
        "p99 ",
        el("b", duration(status?.here?.p99Ms)),
      ),
    ),
    el("span.line.figures", backlog(status)),
  );
}

function badges(state, status) {
  return [
    status?.deadLetters > 0 && el(Chip, { tone: "bad", title: "Dead letters" }, `${count(status.deadLetters)} dead`),
    state !== "ok" && state !== "idle" && el(StateChip, { state }),
  ];
}

/** Returns what waits, with the age of the oldest. */
function backlog(status) {
  const { pending, oldestMs, retries } = status ?? {};
  return [
    el("span", el("b", count(pending)), " waiting"),
    pending > 0 && oldestMs >= OLD_MS && el("span", { title: "Age of the oldest" }, el("b", duration(oldestMs))),
    retries > 0 && el("span.warn", el("b", count(retries)), " retries"),
  ];
}

function pointing(id, onPoint) {
  const on = () => onPoint(id), off = () => onPoint(undefined);
  return { onMouseEnter: on, onMouseLeave: off, onFocus: on, onBlur: off };
}
