import { el, useEffect, useState } from "./el.js";
import { ago } from "./format.js";

/** A button. `props` are those of the element. @param {{ kind?: string, children?: any }} props */
export function Button({ kind = "", children, ...props }) {
  return el("button.button", { type: "button", ...props, class: kind }, children);
}

/** A small label. @param {{ tone?: "ok" | "warn" | "bad" | "hold" | "info" | "", title?: string, children?: any }} props */
export function Chip({ tone = "", title, children }) {
  return el("span.chip", { class: tone, title }, children);
}

/** A box with a title. @param {{ title: unknown, end?: unknown, flush?: boolean, class?: string, children?: any }} props */
export function Panel({ title, end, flush = false, children, ...props }) {
  return el(
    "section",
    { ...props, class: `panel ${props.class ?? ""}` },
    el("div.title", el("h2", title), end && el("div.end", end)),
    flush ? children : el("div.body", children),
  );
}

/** Says what would be here, and what to do. */
export function Empty({ title, children }) {
  return el("div.empty", el("h2", title), children && el("p", children));
}

/** Rows of grey where a table or text will be, so that nothing moves when it comes. */
export function Loading({ rows = 6 }) {
  const row = (_, n) => el("div.ghost", { key: n });
  return el("div.ghosts", { role: "status" }, el("span.hidden", "Loading"), Array.from({ length: rows }, row));
}

/** Faults of data that a refusal lists at the most. */
const MAX_FAULTS = 6;

/** Says what the server refused, with the faults that it found, and a way to try again. */
export function Failed({ error, onRetry }) {
  const faults = error.problem?.errors?.slice(0, MAX_FAULTS) ?? [];
  return el(
    "div.banner.bad",
    { role: "alert" },
    el("strong", error.status === 0 ? "No answer." : error.problem?.title ?? "This failed."),
    el("span", error.message),
    onRetry && el("span.end", el(Button, { kind: "small", onClick: onRetry }, "Try again")),
    faults.length > 0 && el(
      "ul.faults.small",
      faults.map(({ path, message }) => el("li", { key: path }, path && [el("code", String(path)), ": "], message)),
    ),
  );
}

/** Shows an answer of `useAsk`: ghosts while it loads, the refusal, or what `children` makes of it. */
export function Answer({ answer, rows, children }) {
  if (answer.error && !answer.data) return el(Failed, { error: answer.error, onRetry: answer.reload });
  return answer.data ? children(answer.data) : el(Loading, { rows });
}

/** Copies a text. Says so for a moment, in the same place. */
export function Copy({ text, label = "Copy" }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const onClick = () => copy(text).then(() => setCopied(true));
  return el(
    "button.button.small.plain.copy",
    { type: "button", onClick },
    el("span", { "aria-live": "polite" }, copied ? "Copied" : label),
  );
}

/** The clipboard API needs HTTPS or loopback; elsewhere a selection is copied. */
async function copy(text) {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** `3 s ago`, with the full time as its title. It counts on by itself. */
export function Ago({ time }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return el("time", { dateTime: time, title: time }, ago(time));
}

/** Names and values in two columns. @param {{ facts: [unknown, unknown][] }} props */
export function Facts({ facts }) {
  return el("dl.facts", facts.flatMap(([name, value]) => [el("dt", name), el("dd", value)]));
}

/** Names and values of headers. */
export function Headers({ headers }) {
  return el(Facts, { facts: headers.map(([name, value]) => [el("code", name), el("code", value)]) });
}
