import { el, useLayoutEffect, useRef, useState } from "./el.js";
import { EventNode, FunctionNode } from "./flow_nodes.js";
import { rate } from "./format.js";
import { Button } from "./parts.js";
import { toneOf } from "./states.js";

const MIN_SCALE = 0.3, MAX_SCALE = 1.5;
/** Edges up to this number move with their rate; more would keep the browser busy. */
const MOVING_EDGES = 80;

/** The drawing, which scrolls, zooms, and follows the pointer. */
export function FlowDrawing({ drawing, now }) {
  const view = useRef(), [scale, setScale] = useState(1), [pointed, setPointed] = useState();
  const fit = () => setScale(fittingScale(drawing, view.current));
  useLayoutEffect(fit, [drawing]);
  const { width, height } = drawing;
  const size = { width: `${width * scale}px`, height: `${height * scale}px` };
  const near = pointed && neighbours(drawing, pointed);
  const isDim = (id) => near ? !near.has(id) : false;
  const zoom = (factor) => setScale((former) => clamp(former * factor));
  return el(
    "div.flow",
    el(
      "div.flow-view",
      { ref: view, onPointerDown: drag, tabIndex: 0, "aria-label": "Drawing of the flow", role: "region" },
      el(
        "div.flow-size",
        { style: size },
        el(
          "div.flow-layer",
          { style: { width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` } },
          el(Edges, { drawing, now, pointed }),
          drawing.nodes.map((node) =>
            node.fn
              ? el(FunctionNode, {
                key: node.id,
                node,
                status: now?.functions[node.fn.name],
                dim: isDim(node.id),
                onPoint: setPointed,
              })
              : el(EventNode, { key: node.id, node, dim: isDim(node.id), onPoint: setPointed })
          ),
        ),
      ),
    ),
    el(
      "div.flow-zoom",
      el(Button, { kind: "small icon", onClick: () => zoom(1 / 1.2), "aria-label": "Smaller" }, "−"),
      el(Button, { kind: "small", onClick: fit, title: "Fit the drawing into the window" }, "Fit"),
      el(Button, { kind: "small icon", onClick: () => zoom(1.2), "aria-label": "Larger" }, "+"),
    ),
  );
}

const clamp = (scale) => Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));

/** A drawing that does not fit at a size one can read is shown from its beginning. */
function fittingScale({ width, height }, { clientWidth, clientHeight }) {
  const whole = Math.min(clientWidth / width, clientHeight / height);
  return clamp(whole >= 0.6 ? Math.min(whole, 1.15) : Math.max(0.6, Math.min(1, clientWidth / width)));
}

function neighbours({ edges }, id) {
  const joined = edges.filter(({ from, to }) => from === id || to === id);
  return new Set([id, ...joined.flatMap(({ from, to }) => [from, to])]);
}

/** Lets the pointer drag the view by its ground. */
function drag(event) {
  const view = event.currentTarget;
  if (event.button !== 0 || event.pointerType !== "mouse" || event.target.closest("a")) return;
  const from = { x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop };
  const move = ({ clientX, clientY }) => view.scrollTo(from.x - clientX, from.y - clientY);
  view.setPointerCapture(event.pointerId);
  view.addEventListener("pointermove", move);
  view.addEventListener("pointerup", () => view.removeEventListener("pointermove", move), { once: true });
}

/** The edges: thicker and quicker with their rate. */
function Edges({ drawing, now, pointed }) {
  const { width, height, edges } = drawing;
  const moves = edges.length <= MOVING_EDGES;
  return el(
    "svg.edges",
    { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    el(
      "defs",
      el(
        "marker",
        {
          id: "tip",
          viewBox: "0 0 8 8",
          refX: 4,
          refY: 4,
          markerWidth: 8,
          markerHeight: 8,
          markerUnits: "userSpaceOnUse",
          orient: "auto",
        },
        el("path.tip", { d: "M0 .5L7 4 0 7.5z" }),
      ),
    ),
    edges.map((edge) => {
      const perSecond = now?.edges[edge.id] ?? null, flows = perSecond > 0;
      const near = edge.from === pointed || edge.to === pointed;
      const tone = edge.kind === "on" ? toneOf(now?.functions[edge.to.slice("function:".length)]?.state) : "";
      const kind = `${edge.kind} ${tone} ${pointed && !near ? "dim" : ""} ${near ? "near" : ""} ${
        flows ? "flows" : ""
      }`;
      return el(
        "g.edge",
        { key: edge.id, class: kind },
        el("path.line", {
          d: edge.path,
          "stroke-width": flows ? 1.5 + Math.min(2.5, Math.log10(1 + perSecond)) : 1.25,
          "marker-end": "url(#tip)",
        }),
        flows && moves && el("path.pulse", { d: edge.path, class: speed(perSecond) }),
        flows && el("text", { x: edge.x, y: edge.y - 6, "text-anchor": "middle" }, `${rate(perSecond)}/s`),
      );
    }),
  );
}

function speed(perSecond) {
  if (perSecond < 1) return "slow";
  return perSecond < 50 ? "" : "quick";
}
