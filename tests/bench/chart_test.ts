import assert from "node:assert/strict";
import { toSvg } from "./chart.ts";
import type { Section } from "./scenario.ts";

function section(what: string): Section {
  const ratio = (median: number) => ({ median, least: median / 2, most: median * 2 });
  return {
    name: "drain",
    about: "",
    rows: [],
    ratios: [
      { what, value: ratio(2), bar: { kind: "at least", limit: 1.2 } },
      { what: "missed", value: ratio(0.5), bar: { kind: "at least", limit: 1.2 } },
      { what: "free", value: ratio(1_000) },
    ],
    broken: [],
  };
}

/** Returns the elements in the order of their ends. @throws {Error} when tags do not match, or text is not escaped. */
function elements(xml: string): string[] {
  const open: string[] = [], closed: string[] = [];
  for (
    const [, end, name, attributes, empty, text] of xml.matchAll(
      /<(\/?)(\w+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/g,
    )
  ) {
    if (text !== undefined) {
      if (/&(?!(amp|lt|gt|quot);)/.test(text)) throw new Error(`a bare & in ${JSON.stringify(text)}`);
    } else if (end) {
      if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
      closed.push(name);
    } else if (empty) closed.push(name + attributes);
    else open.push(name);
  }
  if (open.length > 0) throw new Error(`${open} are not closed`);
  if (xml.replaceAll(/<(\/?)(\w+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g, "").includes("<")) throw new Error("a bare <");
  return closed;
}

Deno.test("toSvg escapes names and returns well-formed XML", () => {
  const svg = toSvg([section('a < b & "c" > d')], "2 < 3 & more");
  assert.equal(elements(svg).at(-1), "svg");
  assert.ok(svg.includes("a &lt; b &amp; &quot;c&quot; &gt; d"));
  assert.throws(() => elements(svg.replaceAll("&lt;", "<")));
  assert.throws(() => elements(svg.replaceAll("&amp;", "&")));
});

Deno.test("toSvg colours a bar by whether its median meets the limit", () => {
  const bars = elements(toSvg([section("met")], "")).filter((name) => name.startsWith("rect"));
  assert.deepEqual(bars.map((bar) => bar.match(/class="(\w+)"/)![1]), ["paper", "met", "unmet", "free"]);
});

Deno.test("toSvg keeps values beyond the scale within the image", () => {
  const xs = [...toSvg([section("met")], "").matchAll(/x\d?="([\d.-]+)"/g)].map(([, x]) => Number(x));
  assert.ok(xs.length > 20);
  assert.ok(xs.every((x) => x >= 0 && x <= 960), String(xs));
});
