import assert from "node:assert/strict";
import { type ManualClock, manualClock } from "../support/clocks.ts";
import { setup } from "../support/ingress.ts";

/** A raw socket, which can send what no HTTP client would. */
async function connect(clock: ManualClock, maxBytes = 10_000) {
  const { handler, publisher } = setup({ clock, maxBytes });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const send = async (text: string) => void await connection.write(new TextEncoder().encode(text));
  /** The status of the response. */
  const status = async () => {
    const bytes = new Uint8Array(4_096);
    const length = await connection.read(bytes);
    return new TextDecoder().decode(bytes.subarray(0, length ?? 0)).split(" ")[1];
  };
  return {
    publisher,
    send,
    status,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await server.shutdown();
    },
  };
}

const HEAD = "POST /orders HTTP/1.1\r\nhost: weir.test\r\ncontent-type: application/json\r\n";

for (const [how, head] of [["of a known size", "content-length: 100"], ["in chunks", "transfer-encoding: chunked"]]) {
  Deno.test(`POST {route} answers 408 for a body ${how} that does not arrive within half a minute`, async () => {
    const clock = manualClock();
    await using caller = await connect(clock);
    await caller.send(`${HEAD}${head}\r\n\r\n`);
    await clock.timerSet(30_000);
    clock.advance(30_000);
    assert.equal(await caller.status(), "408");
    assert.equal(caller.publisher.published.length, 0);
  });
}

Deno.test("POST {route} accepts a body of a known size just before the timeout", async () => {
  const clock = manualClock();
  await using caller = await connect(clock);
  const body = '{"orderId":"o1"}';
  await caller.send(`${HEAD}content-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
  await clock.timerSet(30_000);
  clock.advance(29_999);
  await caller.send(body.slice(5));
  assert.equal(await caller.status(), "202");
});

Deno.test("POST {route} limits a chunked body by its bytes, not by its content-length", async () => {
  await using caller = await connect(manualClock());
  const chunk = `1000\r\n${" ".repeat(4_096)}\r\n`;
  await caller.send(`${HEAD}content-length: 10\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(10)}0\r\n\r\n`);
  assert.match(await caller.status(), /^4(00|13)$/);
  assert.equal(caller.publisher.published.length, 0);
});
