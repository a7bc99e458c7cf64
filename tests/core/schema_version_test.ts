import assert from "node:assert/strict";
import { dataSchemaOf, versionIn } from "../../runtime/core/schema_version.ts";

Deno.test("dataSchemaOf names type and version, and versionIn reads the version", () => {
  assert.equal(dataSchemaOf("orders.created", 12), "urn:weir:schema:orders.created:12");
  assert.equal(versionIn(dataSchemaOf("orders.created", 12), "orders.created"), 12);
});

const rows: [dataSchema: string | undefined, why: string][] = [
  [undefined, "there is none"],
  ["", "it is empty"],
  ["urn:weir:schema:orders.paid:2", "it is of another type"],
  ["urn:weir:schema:orders.created:2:3", "it has more parts"],
  ["urn:weir:schema:orders.created:0", "zero is no version"],
  ["urn:weir:schema:orders.created:9999999999", "it has more digits than a version"],
  ["https://schemas.example/orders.created:2", "it is another publisher's"],
];
for (const [dataSchema, why] of rows) {
  Deno.test(`versionIn reads no version where ${why}`, () => {
    assert.equal(versionIn(dataSchema, "orders.created"), undefined);
  });
}
