import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteBuffer } from "../../runtime/http/byte_buffer.ts";

Deno.test("ByteBuffer returns all chunks in their order, and none of them a second time", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 5_000 })), fc.array(fc.uint8Array()), (first, second) => {
    const buffer = new ByteBuffer();
    for (const chunks of [first, second]) {
      for (const chunk of chunks) buffer.append(chunk);
      const whole = chunks.flatMap((chunk) => [...chunk]);
      assert.equal(buffer.length, whole.length);
      assert.deepEqual([...buffer.take()], whole);
      assert.equal(buffer.length, 0);
    }
  }));
});

Deno.test("ByteBuffer does not keep the buffers of its chunks", () => {
  const buffer = new ByteBuffer(), from = Deno.memoryUsage();
  for (let i = 0; i < 20_000; i++) buffer.append(new Uint8Array(65_536).subarray(0, 1)); // 1.3 GB altogether
  const grownBytes = Deno.memoryUsage().external - from.external;
  assert.ok(grownBytes < 500_000_000, `${grownBytes} bytes`);
  assert.equal(buffer.length, 20_000);
});
