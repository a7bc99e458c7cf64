import { el, useEffect, useRef } from "./el.js";
import { session, useAsk } from "./api.js";
import { duration, moment } from "./format.js";
import { Journey } from "./journey.js";
import { Payload } from "./json_view.js";
import { Ago, Answer, Button, Chip, Copy, Facts, Headers, Panel } from "./parts.js";
import { Link, pathTo } from "./router.js";
import { useStore } from "./store.js";

/** One event: where it went, its data and headers. */
export default function EventPage({ parts: [stream, sequence] }) {
  const path = `events/${encodeURIComponent(stream)}/${sequence}`;
  const answer = useAsk(path);
  useFollow(answer);
  return [
    el(
      "div.head",
      el("nav.crumb", { "aria-label": "Above" }, el(Link, { href: "/console/events" }, "Events")),
      el("h1", answer.data?.type ?? `${stream} ${sequence}`),
      el("span.muted", `${stream} ${sequence}`),
      el("div.end", el(Button, { onClick: answer.reload }, "Refresh")),
    ),
    el(Answer, { answer, rows: 14 }, (event) => el(Body, { event, path })),
  ];
}

const UNDERWAY = ["waiting", "delivered", "retrying"];
/** Times that an event is read again by itself, and the time between. */
const MAX_TURNS = 40, TURN_MS = 1_500;
/** Time after which what an event caused is taken to be at its end. */
const SETTLED_MS = 15_000;

/**
 * Reads an event again while it is underway, or is so new that what it caused may be.
 *
 * @param {{ data?: any, reload: () => void }} answer
 */
function useFollow({ data, reload }) {
  const turns = useRef(0);
  useEffect(() => {
    if (!data || turns.current >= MAX_TURNS) return;
    const isNew = Date.now() - Date.parse(data.time) < SETTLED_MS;
    if (!isNew && !data.functions.some(({ state }) => UNDERWAY.includes(state))) return;
    const timer = setTimeout(() => {
      turns.current++;
      if (!document.hidden) reload();
    }, TURN_MS);
    return () => clearTimeout(timer);
  }, [data]);
}

function Body({ event, path }) {
  const { headers, functions, traceId } = event;
  return el(
    "div.stack",
    el(Functions, { functions }),
    el(Panel, { title: "Journey", flush: true, end: el(TraceLink, { traceId }) }, el(Journey, { event })),
    el(
      "div.grid.side",
      el(
        "div.stack",
        el(Payload, { message: event, download: `/console/api/${path}/payload` }),
        el(Panel, { title: "Headers" }, headers.length > 0 ? el(Headers, { headers }) : el("p.muted", "It has none.")),
      ),
      el(Panel, { title: "Event" }, el(Facts, { facts: factsOf(event) })),
    ),
  );
}

function factsOf({ id, source, time, subject, stream, sequence, traceId }) {
  return [
    ["Id", el("span.with-copy", el("code", id), el(Copy, { text: id }))],
    ["Source", source && el("code", source)],
    ["Time", time && [moment(time), el("div.muted", el(Ago, { time }))]],
    ["Subject", el("code", subject)],
    ["Position", `${stream} ${sequence}`],
    ["Trace", traceId && el("code", traceId)],
  ].filter(([, value]) => value);
}

/** A link to the tracing backend, if the runtime knows its address. */
function TraceLink({ traceId }) {
  const template = useStore(session)?.traceUrl;
  if (!template || !traceId) return null;
  const href = template.replaceAll("{traceId}", encodeURIComponent(traceId));
  return el("a", { href, rel: "noreferrer", target: "_blank" }, "Open the trace");
}

const ENDS = {
  waiting: ["", "waits"],
  delivered: ["info", "delivered"],
  handled: ["ok", "handled"],
  retrying: ["warn", "retrying"],
  "dead-letter": ["bad", "dead letter"],
  before: ["", "from before it began"],
  unknown: ["", "not known"],
};

/** Says for each function where the event is now. */
function Functions({ functions }) {
  if (functions.length === 0) return el("div.banner.warn", "No function of this project handles this event.");
  return el(
    "ul.ends",
    functions.map(({ name, state, attempts, dueAt, deadLetter, reason, error }) => {
      const [tone, word] = ENDS[state] ?? ["", state];
      const chip = el(Chip, { tone, title: error }, word);
      return el(
        "li.panel",
        { key: name },
        el(Link, { href: pathTo("functions", name), class: "strong" }, name),
        deadLetter === undefined ? chip : el(Link, { href: pathTo("dead-letters", String(deadLetter)) }, chip),
        attempts > 1 && el("span.muted", `${attempts} attempts`),
        dueAt && el("span.muted", `again in ${duration(Math.max(0, Date.parse(dueAt) - Date.now()))}`),
        reason && el("span.muted", reason),
        error && el("span.bad-text.mono.small.cut", error),
      );
    }),
  );
}
