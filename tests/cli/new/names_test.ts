import assert from "node:assert/strict";
import { eventName, functionName, schemaFile } from "../../../runtime/cli/new/names.ts";

for (
  const [type, name] of [
    ["orders.created", "OrderCreated"],
    ["stock.reserved", "StockReserved"],
    ["users.signed-up", "UserSignedUp"],
    ["order_items.added", "OrderItemAdded"],
    ["users.addresses.changed", "UserAddressChanged"],
    ["companies.founded", "CompanyFounded"],
    ["boxes.packed", "BoxPacked"],
    ["movies.seen", "MovieSeen"],
    ["statuses.set", "StatusSet"],
    ["houses.sold", "HouseSold"],
    ["status.changed", "StatusChanged"],
    ["news.read", "NewsRead"],
    ["jobs.done.v2", "JobDoneV2"],
    ["legacyERP.posted", "LegacyERPPosted"],
    ["2fa.sent", "Event2faSent"],
  ] as const
) {
  Deno.test(`eventName turns ${type} into ${name}`, () => assert.equal(eventName(type), name));
}

Deno.test("eventName avoids names that are taken", () => {
  const taken = new Set(["OrderCreated"]);
  const next = () => {
    const name = eventName("orders.created", (name) => taken.has(name));
    taken.add(name);
    return name;
  };
  assert.deepEqual([next(), next(), next()], ["OrdersCreated", "OrderCreatedEvent", "OrderCreated2"]);
});

for (
  const [name, local] of [
    ["sendMail", "sendMail"],
    ["send-mail_now", "sendMailNow"],
    ["delete", "deleteFunction"],
    ["sample", "sampleFunction"],
    ["a-", "a"],
  ]
) {
  Deno.test(`functionName turns ${name} into ${local}`, () => {
    assert.equal(functionName(name, (name) => name === "sample"), local);
  });
}

for (
  const [type, existing, file] of [
    ["orders.created", [], "orders.ts"],
    ["Orders.created", ["orders.ts"], "orders.ts"],
    ["_internal.done", [], "internal.ts"],
    ["-.done", [], "events.ts"],
    ["load_test.done", [], "load_test_events.ts"],
  ] as const
) {
  Deno.test(`schemaFile declares ${type} in ${file}${existing.length > 0 ? ", which exists" : ""}`, () => {
    assert.equal(schemaFile(type, existing), file);
  });
}
