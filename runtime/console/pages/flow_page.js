import { el, useMemo } from "./el.js";
import { bytes, count, counted } from "./format.js";
import { FilterField } from "./filter_field.js";
import { FlowDrawing } from "./flow_drawing.js";
import { layOut, partOf } from "./flow_layout.js";
import { graph, live } from "./live.js";
import { Button, Empty, Loading } from "./parts.js";
import { address, setQuery } from "./router.js";
import { isTrouble } from "./states.js";
import { useStore } from "./store.js";

/** The graph of events and functions, with what flows now. */
export default function FlowPage() {
  const whole = useStore(graph), now = useStore(live);
  const { query } = useStore(address);
  const text = query.get("filter") ?? "", troubled = query.has("trouble");
  const states = now?.functions ?? {};
  const names = troubled
    ? Object.keys(states).filter((name) => isTrouble(states[name].state)).sort().join(" ")
    : undefined;
  const drawing = useMemo(() => whole && layOut(shownPart(whole, text, names)), [whole, text, names]);
  if (!whole) return el("div.flow-wait", el(Loading, { rows: 8 }));
  if (whole.functions.length === 0) {
    return el(Empty, { title: "No functions yet" }, "Write one with ", el("code", "deno task new NAME --on TYPE"), ".");
  }
  return [
    el(Tools, { troubled, whole, states }),
    drawing.nodes.length === 0
      ? el(Empty, { title: troubled && !text ? "No function is in trouble" : "No function matches" })
      : el(FlowDrawing, { drawing, now, key: `${text} ${troubled}` }),
    el(Foot, { now, whole }),
  ];
}

function shownPart(whole, text, names) {
  if (!text && names === undefined) return whole;
  const among = names?.split(" "), wanted = text.toLowerCase();
  const types = (fn) => [fn.name, ...fn.on, ...fn.emits].some((name) => name.toLowerCase().includes(wanted));
  return partOf(whole, (fn) => types(fn) && (among === undefined || among.includes(fn.name)));
}

function Tools({ troubled, whole, states }) {
  const troubles = Object.values(states).filter(({ state }) => isTrouble(state)).length;
  return el(
    "div.flow-tools",
    el("h1.hidden", "Flow"),
    el(FilterField, { name: "filter", label: "Filter functions and events" }),
    el(
      Button,
      { "aria-pressed": String(troubled), onClick: () => setQuery({ trouble: troubled ? "" : "1" }) },
      "In trouble ",
      el("span", { class: troubles ? "bad-text" : "muted" }, count(troubles)),
    ),
    el("span.muted", `${counted(whole.functions.length, "function")}, ${counted(whole.events.length, "event")}`),
  );
}

/** Says which figures are of all replicas, and what this process uses. */
function Foot({ now, whole }) {
  const edges = whole.edges.length;
  return el(
    "footer.flow-foot.small.muted",
    el("span", "Rates, waiting and dead letters are of all replicas; p99 is of this process."),
    edges > 0 && el("span.key", el("i.solid"), "handled by", el("i.dashed"), "emits"),
    now?.process &&
      el(
        "span.end",
        `Process ${now.process.pid}: ${Math.round(now.process.cpu * 100)}% of a core, ${
          bytes(now.process.memoryBytes)
        }`,
      ),
  );
}
