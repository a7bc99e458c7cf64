import { el, useEffect, useRef, useState } from "./el.js";
import { clock } from "./format.js";
import { useStore } from "./store.js";
import { theme } from "./theme.js";

/** Seconds that a chart shows: what there is, within these bounds. */
const LEAST_SPAN = 120, SPAN = 900;
/** Seconds of a chart from which the axis has no seconds. */
const COARSE_SPAN = 300;
const HEIGHT = 124;

/**
 * A chart of the last 15 minutes. Its legend has the last values, or those under the pointer.
 *
 * @param {{ title: string, t: number[], lines: Line[], format: (n: number | null) => string, note?: string,
 *   least?: number }} props `t` in seconds; the vertical axis reaches `least` at the least, 1 by default
 * @typedef {{ label: string, colour: string, values: (number | null)[], dash?: boolean, fill?: boolean }} Line
 */
export function Chart({ title, t, lines, format, note, least = 1 }) {
  const box = useRef(), plot = useRef(), [index, setIndex] = useState();
  useStore(theme);
  const shade = useShade();
  const data = [t, ...lines.map(({ values }) => values)];
  const latest = useRef();
  latest.current = { data, lines, format, least };
  useEffect(() => {
    let gone = false, observer;
    import("uplot").then(({ default: Plot }) => {
      if (gone) return;
      const { current } = box;
      plot.current = new Plot(optionsOf(latest.current, current, setIndex), latest.current.data, current);
      observer = new ResizeObserver(() => plot.current?.setSize({ width: current.clientWidth, height: HEIGHT }));
      observer.observe(current);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shade]);
  useEffect(() => plot.current?.setData(data));
  const at = index ?? t.length - 1;
  return el(
    "section.panel.chart",
    el(
      "div.title",
      el("h2", title),
      note && el("span.small.muted", note),
      el(Legend, { lines, at, format, time: index === undefined ? undefined : t[index] }),
    ),
    el("div.plot", { ref: box, role: "img", "aria-label": `${title}, last 15 minutes: ${summary(lines, at, format)}` }),
  );
}

function Legend({ lines, at, format, time }) {
  return el(
    "div.end.legend",
    time !== undefined && el("span", clock(time * 1_000, false)),
    lines.map(({ label, colour, dash, values }) =>
      el(
        "span",
        { key: label },
        el("i", { class: `${colour} ${dash ? "dash" : ""}` }),
        label,
        " ",
        el("b", format(values[at] ?? null)),
      )
    ),
  );
}

function summary(lines, at, format) {
  return lines.map(({ label, values }) => `${label} ${format(values[at] ?? null)}`).join(", ");
}

/** Returns whether the page is light or dark; a canvas must be drawn again when that changes. */
function useShade() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const [, render] = useState(0);
  useEffect(() => {
    const onChange = () => render((n) => n + 1);
    dark.addEventListener("change", onChange);
    return () => dark.removeEventListener("change", onChange);
  }, []);
  return theme.value === "auto" ? dark.matches ? "dark" : "light" : theme.value;
}

/** A canvas knows no custom properties: this asks an element for the colour that they stand for. */
function colourOf(name, box) {
  const probe = box.ownerDocument.createElement("i");
  probe.style.color = `var(--${name})`;
  box.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Returns the times at the ends of the axis. */
function rangeOf(_plot, first, last) {
  const to = last ?? Date.now() / 1_000;
  return [to - Math.min(SPAN, Math.max(LEAST_SPAN, to - (first ?? to))), to];
}

/** @returns {any} */
function optionsOf({ lines, format, least }, box, setIndex) {
  const muted = colourOf("muted", box), grid = { stroke: colourOf("line", box), width: 1 };
  const font = `11px ${getComputedStyle(box).fontFamily}`;
  const axis = { stroke: muted, font, grid, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "charts" }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: rangeOf },
      y: { range: (_, __, most) => [0, Math.max(most * 1.15, least)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 90,
        values: ({ scales: { x } }, times) =>
          times.map((time) => clock(time * 1_000, false).slice(0, x.max - x.min < COARSE_SPAN ? 8 : 5)),
      },
      { ...axis, size: 58, space: 34, values: (_, values) => values.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ colour, dash, fill }) => {
        const stroke = colourOf(colour, box);
        const wash = stroke.replace("rgb(", "rgba(").replace(")", ", 0.12)");
        return {
          stroke,
          width: 1.5,
          dash: dash ? [4, 4] : undefined,
          fill: fill ? wash : undefined,
          points: { show: false },
        };
      }),
    ],
    hooks: { setCursor: [({ cursor: { idx, left } }) => setIndex(left < 0 || idx === null ? undefined : idx)] },
  };
}
