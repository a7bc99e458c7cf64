import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { handledBy, movingProject, on, stream } from "./events_move.ts";

Deno.test("apply leaves a type on the consumer of its old stream until the events that wait there are handled", async () => {
  await using all = await movingProject({ both: on("Created, Shipped") });
  const { broker: { jsm }, weir } = all;
  const filters = async () => (await jsm.consumers.info("ORDERS", "both")).config.filter_subjects;
  assert.equal((await weir("apply")).code, 0);
  await all.publish(20);
  await all.publish(5, "orders.shipped");
  await all.change();
  for (const what of ["waits", "waits still"]) {
    const { code, text } = await weir("apply");
    assert.equal(code, 1, what);
    assert.match(
      text,
      /^weir: consumer both on stream ORDERS: orders\.created stays among its filters: 20 events of orders\.created wait in ORDERS, and it has them in SALES now\. .* run this again once/m,
    );
    assert.match(text, /^warning: both: 20 events of orders\.created wait in ORDERS, /m);
    assert.deepEqual(await filters(), ["orders.created", "orders.shipped"]);
  }
  assert.ok(await jsm.streams.info("SALES"), "the other steps are made");
  await using program = all.start(["start"]);
  await eventually(() => handledBy(program, "both").length === 25);
  const { text } = await eventually(async () => {
    const ended = await weir("apply");
    return ended.code === 0 ? ended : undefined; // once the server has all acks
  }, { every: 200 });
  assert.doesNotMatch(text, /warning/);
  assert.deepEqual(await filters(), ["orders.shipped"]);
});

Deno.test("apply leaves the type alone of a pattern that becomes narrower, and warns of what no trigger has", async () => {
  const both = on('"orders.>"').replace("...data", "");
  await using all = await movingProject({ both });
  const { broker: { jsm }, weir } = all;
  await all.declare(stream("ORDERS", "orders.>"));
  assert.equal((await weir("apply")).code, 0);
  await all.publish(3);
  await all.publish(2, "orders.lost");
  await all.change();
  await all.write("functions/both.ts", on("Created, Shipped"));
  const { code, text } = await weir("apply");
  assert.equal(code, 1);
  assert.match(text, /^warning: both: \d of \d events that wait in ORDERS are of a trigger that it no longer has, /m);
  assert.match(text, /orders\.created stays among its filters: 3 events of orders\.created wait in ORDERS/);
  const { config } = await jsm.consumers.info("ORDERS", "both");
  assert.deepEqual(config.filter_subjects?.toSorted(), ["orders.created", "orders.shipped"]);
});
