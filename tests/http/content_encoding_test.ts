import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { inChunks, linesOf, NDJSON, problemOf, setup } from "../support/ingress.ts";

const JSON_TYPE = { "content-type": "application/json" };
const ORDER = JSON.stringify({ orderId: "o1", note: "ü🚂".repeat(50) });
const gzip = (text: string | Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(gzipSync(text));
const GZIP = { "content-encoding": "gzip" };

Deno.test("POST {route} reads a body of gzip, in any chunks, and publishes its text", async () => {
  const { send, publisher } = setup(), bytes = gzip(ORDER);
  for (const size of [1, 7, bytes.length]) {
    const headers = { ...JSON_TYPE, "content-encoding": "GZip" };
    assert.equal((await send("/orders", { body: inChunks(bytes, size), headers })).status, 202);
  }
  assert.deepEqual(publisher.published.map(({ json }) => json), [ORDER, ORDER, ORDER]);
});

Deno.test("POST /events reads NDJSON of gzip, also of several members", async () => {
  const { send, publisher } = setup();
  const headers = { "content-type": NDJSON, ...GZIP };
  const response = await send("/events", {
    body: new Uint8Array([...gzip(linesOf(150)), ...gzip(linesOf(150))]),
    headers,
  });
  assert.equal(response.status, 202);
  assert.equal((await response.json()).length, 300);
  assert.deepEqual(publisher.published.map(({ id }) => id).at(-1), "order-149");
});

Deno.test("POST answers 413 for a body of gzip that unpacks to more than the limit, and unpacks no more of it", async () => {
  const { send, publisher } = setup(), before = Deno.memoryUsage().rss;
  const bomb = gzip(new Uint8Array(200_000_000).fill(32));
  assert(bomb.length < 250_000);
  const headers = { ...JSON_TYPE, ...GZIP };
  const problem = await problemOf(await send("/orders", { body: inChunks(bomb, 2_000), headers }));
  assert.deepEqual([problem.status, problem.detail], [413, "the body is larger than the limit of 10000 bytes"]);
  assert.equal(publisher.published.length, 0);
  assert(Deno.memoryUsage().rss - before < 400_000_000); // the bomb itself was made here
});

Deno.test("POST /events lets other work run while it unpacks gzip", async () => {
  const { send } = setup();
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const body = gzip(new Uint8Array(5_000_000).fill(10)); // blank lines, which are no events
  assert.equal((await send("/events", { body, headers: { "content-type": NDJSON, ...GZIP } })).status, 202);
  clearInterval(counting);
  assert(turns > 50, `${turns} turns of the event loop`);
});

Deno.test("POST answers 400 for a body that is cut, or is not gzip", async () => {
  const { send, publisher } = setup(), whole = gzip(ORDER), headers = { ...JSON_TYPE, ...GZIP };
  for (const body of [whole.subarray(0, whole.length - 9), whole.subarray(3), new TextEncoder().encode(ORDER)]) {
    const problem = await problemOf(await send("/orders", { body, headers }));
    assert.deepEqual([problem.status, problem.detail], [400, "the body ended early, or is not gzip"]);
  }
  assert.equal(publisher.published.length, 0);
});

Deno.test("POST answers 415 for other codings, and names those it reads", async () => {
  const { send } = setup();
  for (const coding of ["br", "zstd", "deflate", "gzip, gzip", "toString", "x"]) {
    const response = await send("/orders", { body: ORDER, headers: { ...JSON_TYPE, "content-encoding": coding } });
    assert.equal(response.headers.get("accept-encoding"), "gzip");
    const { status, detail } = await problemOf(response);
    assert.deepEqual([status, detail], [415, `the body is encoded as ${coding}: send gzip, or as it is`]);
  }
});
