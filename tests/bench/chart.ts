import { isMet, type Ratio, type Section } from "./scenario.ts";

const WIDTH = 960, LABELS = 470, VALUES = 150, ROW = 26, TITLE = 34;
const LEAST = 0.1, MOST = 10;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10];
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1c2733; } .title { font-weight: 600; } .small { font-size: 11px; }
  .paper { fill: #ffffff; } .grid { stroke: #c5ccd3; } .whisker, .one { stroke: #1c2733; stroke-width: 1.5; }
  .met { fill: #2f9e6e; } .unmet { fill: #d9683c; } .free { fill: #5b87c5; }
  .limit { stroke: #1c2733; stroke-width: 2; stroke-dasharray: 3 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3e8ed; } .paper { fill: #15191e; } .grid { stroke: #47525d; }
    .whisker, .one, .limit { stroke: #e3e8ed; }
  }
`;

/**
 * Returns the ratios of a report as an SVG: a bar from 1× to the median, a whisker over the spread, a dashed line at
 * the limit. The scale is logarithmic, so that half and twice are equally far from 1×.
 */
export function toSvg(sections: readonly Section[], caption: string): string {
  const parts: string[] = [];
  let y = 24;
  parts.push(text(16, y, caption, "small"));
  y += 20;
  for (const tick of TICKS) parts.push(text(x(tick), y, `${tick}×`, "small", "middle"));
  const top = y + 6;
  for (const { name, ratios } of sections.filter(({ ratios }) => ratios.length > 0)) {
    y += TITLE;
    parts.push(text(16, y, name, "title"));
    for (const ratio of ratios) {
      y += ROW;
      parts.push(row(ratio, y));
    }
  }
  y += 18;
  const grid = TICKS.map((tick) => line(x(tick), top, x(tick), y, tick === 1 ? "one" : "grid"));
  const height = y + 34;
  parts.push(
    text(16, y + 20, "green: limit met; orange: limit not met; blue: no limit; whisker: least to most", "small"),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(caption)}">\n<style>${STYLE}</style>\n` +
    `<rect class="paper" width="${WIDTH}" height="${height}"/>\n${[...grid, ...parts].join("\n")}\n</svg>\n`;
}

function row({ what, value, bar }: Ratio, y: number): string {
  const from = Math.min(x(1), x(value.median)), to = Math.max(x(1), x(value.median));
  const kind = bar === undefined ? "free" : isMet(value, bar) ? "met" : "unmet";
  const wanted = bar && `${bar.kind === "at least" ? "≥" : "≤"} ${bar.limit}×`;
  const middle = y - 4;
  return [
    text(LABELS - 12, y, what, "", "end"),
    `<rect class="${kind}" x="${from}" y="${y - 13}" width="${
      Math.max(1, Math.round((to - from) * 10) / 10)
    }" height="18"/>`,
    line(x(value.least), middle, x(value.most), middle, "whisker"),
    line(x(value.least), middle - 5, x(value.least), middle + 5, "whisker"),
    line(x(value.most), middle - 5, x(value.most), middle + 5, "whisker"),
    ...bar ? [line(x(bar.limit), y - 16, x(bar.limit), y + 8, "limit")] : [],
    text(WIDTH - VALUES + 24, y, `${value.median.toFixed(2)}×${wanted ? `  (${wanted})` : ""}`),
  ].join("\n");
}

/** Returns the position of a ratio. Values beyond the scale are drawn at its end. */
function x(ratio: number): number {
  const share = Math.log(Math.min(MOST, Math.max(LEAST, ratio)) / LEAST) / Math.log(MOST / LEAST);
  return Math.round((LABELS + share * (WIDTH - VALUES - LABELS)) * 10) / 10;
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
}

function text(at: number, y: number, content: string, kind = "", anchor = "start"): string {
  return `<text class="${kind}" x="${at}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
