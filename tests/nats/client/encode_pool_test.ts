import assert from "node:assert/strict";
import { encode } from "../../../runtime/nats/client/encode_pool.ts";

Deno.test("text is UTF-8 in a place of its own, however much there is of it", () => {
  const texts = Array.from({ length: 5_000 }, (_, i) => `${i} für 🚂 ${"日本".repeat(i % 50)}`);
  texts.push("", "🚂".repeat(20_000), "x".repeat(200_000), "last");
  const encoded = texts.map(encode);
  assert.deepEqual(encoded.map((bytes) => new TextDecoder().decode(bytes)), texts);
});

Deno.test("half a character becomes what the encoder makes of it", () => {
  assert.deepEqual([...encode("a\ud83d")], [...new TextEncoder().encode("a\ud83d")]);
});
