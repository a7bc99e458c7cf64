import assert from "node:assert/strict";
import { decode } from "../../runtime/core/cloudevent.ts";
import { HeaderList } from "../../runtime/core/headers.ts";
import { RawHeaders } from "../../runtime/nats/client/message_headers.ts";
import { delivery } from "../support/deliveries.ts";

const { event } = decode({
  ...delivery(),
  headers: new HeaderList([
    ["X-Tenant", "acme"],
    ["x-tag", "a"],
    ["Nats-Msg-Id", "m1"],
    ["X-TAG", "b"],
    ["weir-hops", "2"],
    ["Order Number", "7"],
    ["bestellgröße", "7"],
    ["x-note", "one\ntwo"],
    ["\u212Aelvin", "1"],
    ["ce-id", "e1"],
  ]),
});

Deno.test("event.headers matches names without regard to case, and gives the first value or all", () => {
  assert.equal(event.headers.get("x-tenant"), "acme");
  assert.equal(event.headers.get("X-TENANT"), "acme");
  assert.equal(event.headers.get("x-tag"), "a");
  assert.deepEqual(event.headers.getAll("X-Tag"), ["a", "b"]);
  assert.deepEqual([event.headers.has("x-TAG"), event.headers.has("x-none")], [true, false]);
  assert.deepEqual([event.headers.get("x-none"), event.headers.getAll("x-none")], [undefined, []]);
});

Deno.test("event.headers leaves out internal headers, and those that a retry could not carry", () => {
  assert.deepEqual([...event.headers], [["x-tenant", "acme"], ["x-tag", "a"], ["x-tag", "b"], ["ce-id", "e1"]]);
  for (const name of ["nats-msg-id", "weir-hops", "order number", "bestellgröße", "x-note", "kelvin"]) {
    assert.equal(event.headers.get(name), undefined, name);
  }
});

Deno.test("event.headers is the same object at each read, is not copied with the event, and does not parse before", () => {
  assert.equal(event.headers, event.headers);
  assert.deepEqual(Object.keys(event), ["id", "type", "source", "time", "data", "subject", "extensions"]);
  const headers = new RawHeaders("NATS/1.0\r\nx-tenant: acme\r\n\r\n");
  let reads = 0;
  const counting = {
    ...delivery(),
    headers: Object.assign(headers, { entries: () => (reads++, [["x", "1"] as const]) }),
  };
  const decoded = decode(counting as never);
  assert.equal(reads, 0);
  assert.equal(decoded.event.headers.get("x"), "1");
  assert.equal(reads, 1);
});

Deno.test("event.headers of an event that is invalid can be read as well", () => {
  const invalid = decode(delivery({ headers: { "x-tenant": "acme" }, payload: "{" }));
  assert.deepEqual([invalid.kind, invalid.event.headers.get("x-tenant")], ["invalid", "acme"]);
});
