import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import confirmOrder from "../support/project/functions/confirmOrder.ts";
import reserveInventory from "../support/project/functions/reserveInventory.ts";
import { StockReserved } from "../support/project/schemas/stock.ts";
import { eventually } from "../support/eventually.ts";
import { queriesOf, readAlerts, readDashboard, selectorsOf } from "./views_files.ts";

/** Metrics that Prometheus adds to a scrape. */
const PROMETHEUS_METRICS = ["up"];
/** Metrics that appear after a failure, which `views.ts` causes. */
const FAILURE_METRICS = ["weir_breaker_changes_total", "weir_dead_letters_total"];

Deno.test("/metrics has every metric of rules.yml and weir.json once one order is handled", async () => {
  await using runtime = await startTestRuntime({ functions: { reserveInventory, confirmOrder } });
  const order = { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 };
  const response = await fetch(`${runtime.url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order),
  });
  assert.equal(response.status, 202, await response.text());
  await runtime.waitForEvent(StockReserved);

  const views = [...await readAlerts(), ...queriesOf(await readDashboard())];
  const asked = new Set(views.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
  await eventually(async () => { // a page omits the lag when the server is slow to report it
    const page = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
    const there = new Set([...page.matchAll(/^([a-z_]+)[ {]/gm)].map(([, name]) => name));
    const missing = [...asked].filter((metric) => !there.has(metric)).sort();
    assert.deepEqual(missing, [...PROMETHEUS_METRICS, ...FAILURE_METRICS].sort());
    return true;
  });
});
