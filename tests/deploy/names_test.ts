import assert from "node:assert/strict";
import { INSTRUMENTS } from "../../runtime/telemetry/instruments.ts";
import { prometheusName } from "../../runtime/telemetry/otel/metrics/instrument.ts";
import { groupingsOf, queriesOf, readAlerts, readDashboard, selectorsOf } from "./views_files.ts";

/** Labels of every metric of Weir, by its name in Prometheus. */
const labelsOf = new Map<string, readonly string[]>([["up", []], ["target_info", []]]);
/** Labels that Prometheus adds to a scrape. */
const SCRAPED = ["job", "instance"];
for (const [name, instrument] of Object.entries(INSTRUMENTS)) {
  const full = prometheusName(name, instrument);
  const labels = instrument.labels.map((label) => label.replaceAll(".", "_"));
  if (instrument.kind !== "histogram") labelsOf.set(full, labels);
  else for (const part of ["bucket", "sum", "count"]) labelsOf.set(`${full}_${part}`, [...labels, "le"]);
}

for (
  const [file, expressions] of [
    ["rules.yml", (await readAlerts()).map(({ expr }) => expr)],
    ["weir.json", queriesOf(await readDashboard()).map(({ expr }) => expr)],
  ] as const
) {
  Deno.test(`${file} uses existing metrics and labels only`, () => {
    const asked = new Set<string>();
    for (const expr of expressions) {
      const selectors = selectorsOf(expr);
      assert.ok(selectors.length > 0, `no metric was found in ${expr}`);
      const known = new Set(SCRAPED);
      for (const { metric, labels } of selectors) {
        const has = labelsOf.get(metric);
        assert.ok(has, `${metric} is no metric of Weir's: ${expr}`);
        for (const label of has) known.add(label);
        for (const label of labels) {
          assert.ok([...has, ...SCRAPED].includes(label), `${metric} has no ${label}: ${expr}`);
        }
        asked.add(metric);
      }
      for (const label of groupingsOf(expr)) assert.ok(known.has(label), `no metric of it has ${label}: ${expr}`);
    }
    assert.ok(asked.size >= 10, `only ${[...asked]}`);
  });
}

Deno.test("weir.json shows every metric", async () => {
  const asked = new Set(
    queriesOf(await readDashboard()).flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)),
  );
  const shown = (name: string) => asked.has(name) || asked.has(`${name}_bucket`);
  const names = Object.entries(INSTRUMENTS).map(([name, instrument]) => prometheusName(name, instrument));
  assert.deepEqual(names.filter((name) => !shown(name)), []);
});
