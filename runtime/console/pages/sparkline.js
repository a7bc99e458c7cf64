import { el } from "./el.js";

const WIDTH = 96, HEIGHT = 22;

/** A line of the last minute, without axes. It stands beside the figure that it belongs to. */
export function Sparkline({ values = [], tone = "" }) {
  const most = Math.max(1e-9, ...values), step = WIDTH / 59, from = WIDTH - (values.length - 1) * step;
  const points = values.flatMap((value, n) =>
    value === null ? [] : [`${(from + n * step).toFixed(1)},${(HEIGHT - 2 - value / most * (HEIGHT - 5)).toFixed(1)}`]
  );
  return el(
    "svg.spark",
    { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", class: tone },
    points.length > 1 && el("polyline", { points: points.join(" ") }),
  );
}
