import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import { OrderCreated } from "../../schemas/orders.ts";
import { toolFolder } from "../support/npm_tools.ts";
import { typeCheck } from "../support/type_check.ts";

/** A publisher's program: its client has the types that a public generator made of the document. */
const PROGRAM = `
import createClient from "openapi-fetch";
import type { paths } from "./openapi.d.ts";

const [baseUrl, secret] = Deno.args;
const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${secret}\` } });
const { data, error, response } = await client.POST("/events/orders.created", {
  params: { header: { "Idempotency-Key": "order-1" } },
  body: { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2400 },
});
const again = await client.POST("/orders", {
  params: { header: { "Idempotency-Key": "order-1" } },
  body: { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2400 },
});
const refused = await client.POST("/orders", { body: { orderId: "", items: [], total: -1 } });
const results = {
  status: response.status,
  stream: data?.stream,
  duplicate: again.data?.duplicate,
  problem: error?.detail,
  faults: refused.error?.errors?.map(({ path }) => path),
};
console.log(JSON.stringify(results));
`;
const WRONG = PROGRAM.replace("total: 2400 }", 'total: "2400" }');

Deno.test("GET /openapi.json makes a client, by openapi-typescript and openapi-fetch, that posts an order", async () => {
  const env = { WEIR_API_KEYS: "shop:s1", LOG_LEVEL: "error" };
  await using runtime = await startTestRuntime({ functions: {}, schemas: [OrderCreated], env });
  await using folder = await toolFolder();
  const { path } = folder;
  const response = await fetch(`${runtime.url}/openapi.json`, { headers: { authorization: "Bearer s1" } });
  await folder.write("openapi.json", await response.text());
  await folder.tool("openapi-typescript", "openapi.json", "--output", "openapi.d.ts");
  await folder.write("main.ts", PROGRAM);
  await folder.write("wrong.ts", WRONG);
  assert.equal(await typeCheck(path, "main.ts"), "");
  assert.match(await typeCheck(path, "wrong.ts"), /Type 'string' is not assignable to type 'number'/);
  assert.deepEqual(JSON.parse(await folder.deno("run", "-A", "--quiet", "main.ts", runtime.url, "s1")), {
    status: 202,
    stream: "ORDERS",
    duplicate: true,
    faults: ["orderId", "items", "total"],
  });
  const { data } = await runtime.waitForEvent(OrderCreated);
  assert.deepEqual(data, { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2400 });
});
