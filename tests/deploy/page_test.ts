import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import confirmOrder from "../support/project/functions/confirmOrder.ts";
import reserveInventory from "../support/project/functions/reserveInventory.ts";
import { StockReserved } from "../support/project/schemas/stock.ts";
import { eventually } from "../support/eventually.ts";
import { queriesOf, readAlerts, readDashboard, selectorsOf } from "./views_files.ts";

/** What Prometheus itself makes of a scrape. */
const OF_PROMETHEUS = ["up"];
/** What is there only once something has gone wrong, which `views.ts` brings about. */
const OF_TROUBLE = ["weir_breaker_changes_total", "weir_dead_letters_total"];

Deno.test("a process that has handled one order has everything on its page that alerts and dashboard ask for", async () => {
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
  await eventually(async () => { // a server that is slow to say how far behind a function is leaves that out once
    const page = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
    const there = new Set([...page.matchAll(/^([a-z_]+)[ {]/gm)].map(([, name]) => name));
    const missing = [...asked].filter((metric) => !there.has(metric)).sort();
    assert.deepEqual(missing, [...OF_PROMETHEUS, ...OF_TROUBLE].sort());
    return true;
  });
});
