import assert from "node:assert/strict";
import { clearImmediate, setImmediate } from "node:timers";
import zlib from "node:zlib";
import { decodedBody } from "../../runtime/http/content_encoding.ts";
import { inChunks, linesOf, NDJSON, problemOf, setup } from "../support/ingress.ts";

const JSON_TYPE = { "content-type": "application/json" };
const ORDER = JSON.stringify({ orderId: "o1", note: "ü🚂".repeat(50) });
const gzip = (text: string | Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(zlib.gzipSync(text));
const zstd = (text: string | Uint8Array, params = {}): Uint8Array<ArrayBuffer> =>
  new Uint8Array(zlib.zstdCompressSync(text, { params }));
const GZIP = { "content-encoding": "gzip" }, ZSTD = { "content-encoding": "zstd" };
/** A skippable frame of three bytes. */
const SKIPPABLE = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 0x28, 0xb5, 0x2f];

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
  const count = () => {
    turns++;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const body = gzip(`${" ".repeat(9_999)}\n`.repeat(500)); // blank lines, which are no events
  assert.equal((await send("/events", { body, headers: { "content-type": NDJSON, ...GZIP } })).status, 202);
  clearImmediate(counting);
  assert(turns > 50, `${turns} turns of the event loop`);
});

for (const [coding, encode] of [["gzip", gzip], ["zstd", zstd]] as const) {
  Deno.test(`POST answers 400 for a body that is cut, or is not ${coding}`, async () => {
    const { send, publisher } = setup(), whole = encode(ORDER);
    const headers = { ...JSON_TYPE, "content-encoding": coding };
    const cut = [0, 3, 4, 5, 12, whole.length - 9, whole.length - 1].map((bytes) => whole.subarray(0, bytes));
    for (const body of [...cut, whole.subarray(3), new TextEncoder().encode(ORDER)]) {
      const problem = await problemOf(await send("/orders", { body: inChunks(body, 10), headers }));
      assert.match(`${problem.status} ${problem.detail}`, new RegExp(`^400 the body ended early, or is not ${coding}`));
    }
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("POST reads a body of zstd, in any chunks, of several frames, also skippable and empty ones", async () => {
  const { send, publisher } = setup(), headers = { ...JSON_TYPE, ...ZSTD };
  const bytes = new Uint8Array([
    ...SKIPPABLE,
    ...zstd(ORDER.slice(0, 60)),
    ...zstd(""),
    ...SKIPPABLE,
    ...zstd(ORDER.slice(60), { [zlib.constants.ZSTD_c_checksumFlag]: 1 }),
    ...SKIPPABLE,
  ]);
  for (const size of [1, 7, bytes.length]) {
    assert.equal((await send("/orders", { body: inChunks(bytes, size), headers })).status, 202);
  }
  assert.deepEqual(publisher.published.map(({ json }) => json), [ORDER, ORDER, ORDER]);
});

Deno.test("POST answers 400 for zstd with a wrong checksum, a dictionary, a large window or too many frames", async () => {
  const { send, publisher } = setup(), headers = { ...JSON_TYPE, ...ZSTD };
  const wrong = zstd(ORDER, { [zlib.constants.ZSTD_c_checksumFlag]: 1 });
  wrong[wrong.length - 1] ^= 1;
  const dictionary = zstd(ORDER), many = Array.from({ length: 1_000 }, () => [...zstd("")]).flat();
  dictionary[4] |= 1; // one byte of the content size becomes the id of a dictionary
  const window = Uint8Array.of(...zstd("").subarray(0, 4), 0, 14 << 3, 1, 0, 0); // 16 MiB
  const unknown = Uint8Array.of(...zstd("").subarray(0, 4), 0, 0, 7, 0, 0);
  const bodies = [wrong, dictionary, window, unknown, new Uint8Array([...many, ...zstd(ORDER)])];
  for (const body of bodies) {
    const problem = await problemOf(await send("/orders", { body, headers }));
    assert.match(
      `${problem.status} ${problem.detail}`,
      /^400 the body ended early, or is not zstd with a window of 8 MiB/,
    );
  }
  assert.equal(publisher.published.length, 0);
});

Deno.test("POST answers 413 for a few kilobytes of zstd that unpack to gigabytes, and unpacks no more of them", async () => {
  const { send, publisher } = setup(), before = Deno.memoryUsage().rss;
  const block = (size: number, isLast: boolean) => [0, 8, 16].map((shift) => (size << 3 | 2 | +isLast) >> shift & 255);
  const blocks = Array.from({ length: 16_000 }, (_, n) => [...block(131_072, n === 15_999), 32]).flat();
  const bomb = Uint8Array.of(...zstd("").subarray(0, 4), 0, 0x58, ...blocks);
  for (const size of [bomb.length, 1_000]) {
    const problem = await problemOf(
      await send("/orders", { body: inChunks(bomb, size), headers: { ...JSON_TYPE, ...ZSTD } }),
    );
    assert.deepEqual([problem.status, problem.detail], [413, "the body is larger than the limit of 10000 bytes"]);
  }
  assert.equal(publisher.published.length, 0);
  assert(Deno.memoryUsage().rss - before < 200_000_000);
});

Deno.test("POST answers 415 for other codings, and names those it reads", async () => {
  const { send } = setup();
  for (const coding of ["br", "deflate", "gzip, gzip", "toString", "x"]) {
    const response = await send("/orders", { body: ORDER, headers: { ...JSON_TYPE, "content-encoding": coding } });
    assert.equal(response.headers.get("accept-encoding"), "gzip, zstd");
    const { status, detail } = await problemOf(response);
    assert.deepEqual([status, detail], [415, `the body is encoded as ${coding}: send gzip, zstd, or as it is`]);
  }
});

for (const [coding, encode] of [["gzip", gzip], ["zstd", zstd]] as const) {
  Deno.test(`decodedBody ends ${coding} without an error elsewhere, wherever its reader cancels`, async () => {
    const encoded = encode(new Uint8Array(3_000_000).fill(32));
    for (let chunks = 0; chunks < 100; chunks++) {
      const body = inChunks(encoded, 1 + encoded.length / 3);
      const request = new Request("http://host/", { method: "POST", body, headers: { "content-encoding": coding } });
      const reader = decodedBody(request)!.getReader();
      for (let read = 0; read < chunks; read++) assert((await reader.read()).value!.length > 0);
      const last = chunks % 2 > 0 && reader.read();
      await reader.cancel();
      await last;
    }
  });
}

for (const [coding, encode] of [["gzip", gzip], ["zstd", zstd]] as const) {
  for (const sent of [0, 20]) {
    Deno.test(`decodedBody cancels its source when the reader of ${coding} cancels after ${sent} bytes and nothing more`, async () => {
      const cancelled = Promise.withResolvers<void>();
      const body = new ReadableStream({
        start: (controller) => {
          if (sent > 0) controller.enqueue(encode(crypto.getRandomValues(new Uint8Array(500))).subarray(0, sent));
        },
        cancel: () => cancelled.resolve(),
      });
      const request = new Request("http://host/", { method: "POST", body, headers: { "content-encoding": coding } });
      const reader = decodedBody(request)!.getReader(), read = reader.read();
      await reader.cancel();
      await Promise.all([cancelled.promise, read]);
    });
  }
}
