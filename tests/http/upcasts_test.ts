import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { problemOf, setup, STRUCTURED } from "../support/ingress.ts";

const Ordered = defineEvent({
  type: "shop.ordered",
  version: 2,
  data: z.object({ total: z.object({ cents: z.int() }) }),
  upcasts: { 1: ({ total }: { total: number }) => ({ total: { cents: total.valueOf() } }) },
  ingress: {},
});
const events = new Map([[Ordered.type, Ordered]]), v1 = dataSchemaOf("shop.ordered", 1);

Deno.test("POST /events/{type} takes data of an earlier version that dataschema names, and stores it as it was sent", async () => {
  const { send, publisher } = setup({ events });
  const binary = await send("/events/shop.ordered", { json: { total: 7 }, headers: { "ce-dataschema": v1 } });
  assert.equal(binary.status, 202);
  const envelope = { specversion: "1.0", type: "shop.ordered", dataschema: v1, data: { total: 8 } };
  assert.equal((await send("/events", { json: envelope, headers: { "content-type": STRUCTURED } })).status, 202);
  assert.equal((await send("/events/shop.ordered", { json: { total: { cents: 9 } } })).status, 202);
  assert.deepEqual(publisher.published.map(({ json, extensions }) => [json, extensions?.dataschema]), [
    ['{"total":7}', v1],
    ['{"total":8}', v1],
    ['{"total":{"cents":9}}', undefined],
  ]);
});

Deno.test("POST /events/{type} stores data as it was sent, also if an upcast changes its argument", async () => {
  const change = (data: { total: unknown }) => Object.assign(data, { total: { cents: data.total } });
  const { send, publisher } = setup({ events: new Map([[Ordered.type, { ...Ordered, upcasts: { 1: change } }]]) });
  const sent = await send("/events/shop.ordered", { json: { total: 7 }, headers: { "ce-dataschema": v1 } });
  assert.deepEqual([sent.status, publisher.published.map(({ json }) => json)], [202, ['{"total":7}']]);
});

Deno.test("POST /events/{type} refuses data of an earlier version without its version, or that no upcast takes", async () => {
  const { send, errors } = setup({ events });
  const unnamed = await send("/events/shop.ordered", { json: { total: 7 } });
  assert.deepEqual((await problemOf(unnamed)).errors.map(({ path }: { path: string }) => path), ["total"]);
  for (const json of [{}, null]) {
    const { status, detail } = await problemOf(
      await send("/events/shop.ordered", { json, headers: { "ce-dataschema": v1 } }),
    );
    assert.deepEqual([status, detail], [400, "the data does not match version 1 of the schema of shop.ordered"]);
  }
  assert.deepEqual(errors, []);
});
