import assert from "node:assert/strict";
import { type ManualClock, manualClock } from "../nats/clocks.ts";
import { setup } from "./ingress_fixture.ts";

/** A caller on a socket, who may send what no HTTP client would. */
async function connected(clock: ManualClock, maxBytes = 10_000) {
  const { handler, publisher } = setup({ clock, maxBytes });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const send = async (text: string) => void await connection.write(new TextEncoder().encode(text));
  /** The status of the answer. */
  const answered = async () => {
    const bytes = new Uint8Array(4_096);
    const length = await connection.read(bytes);
    return new TextDecoder().decode(bytes.subarray(0, length ?? 0)).split(" ")[1];
  };
  return {
    publisher,
    send,
    answered,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await server.shutdown();
    },
  };
}

const HEAD = "POST /orders HTTP/1.1\r\nhost: weir.test\r\ncontent-type: application/json\r\n";

for (const [how, head] of [["of a known size", "content-length: 100"], ["in chunks", "transfer-encoding: chunked"]]) {
  Deno.test(`a body ${how} that does not come within half a minute is given up`, async () => {
    const clock = manualClock();
    await using caller = await connected(clock);
    await caller.send(`${HEAD}${head}\r\n\r\n`);
    await clock.timerSet(30_000);
    clock.advance(30_000);
    assert.equal(await caller.answered(), "408");
    assert.equal(caller.publisher.published.length, 0);
  });
}

Deno.test("a body of a known size that comes late, but in time, is taken", async () => {
  const clock = manualClock();
  await using caller = await connected(clock);
  const body = '{"orderId":"o1"}';
  await caller.send(`${HEAD}content-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
  await clock.timerSet(30_000);
  clock.advance(29_999);
  await caller.send(body.slice(5));
  assert.equal(await caller.answered(), "202");
});

Deno.test("a body in chunks that says to be small as well is counted by what comes", async () => {
  await using caller = await connected(manualClock());
  const chunk = `1000\r\n${" ".repeat(4_096)}\r\n`;
  await caller.send(`${HEAD}content-length: 10\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(10)}0\r\n\r\n`);
  assert.match(await caller.answered(), /^4(00|13)$/);
  assert.equal(caller.publisher.published.length, 0);
});
