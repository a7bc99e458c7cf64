import assert from "node:assert/strict";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { readHistory } from "../../../runtime/nats/replay/history.ts";
import { pullPage } from "../../../runtime/nats/inspect/pull_page.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

for (const [lost, taken] of [["in the middle", 50], ["at the end", 400]] as const) {
  Deno.test(`readHistory reads again what the server delivered and the connection lost ${lost}`, async () => {
    await using broker = await startBroker();
    const { nc, jsm } = broker;
    await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"] });
    for (let n = 0; n < 500; n++) nc.publish(n % 2 ? "demo.other" : "demo.asked", String(n));
    for (let n = 0; n < 500; n++) nc.publish("demo.asked", String(n));
    await eventually(async () => (await jsm.streams.info("DEMO")).state.messages === 1_000);
    const range = { stream: "DEMO", filters: ["demo.asked"], from: { sequence: 1 }, until: 1_000 }, read: number[] = [];
    for await (const { sequence } of readHistory(nc, jsm, range, NO_NAMESPACE)) {
      if (read.push(sequence) !== 200) continue;
      const [{ name }] = await Array.fromAsync(jsm.consumers.list("DEMO"));
      await pullPage(nc, "DEMO", name, taken, 1_000, NO_NAMESPACE); // as replies to a connection that was cut
    }
    const expected = Array.from({ length: 1_000 }, (_, n) => n + 1).filter((sequence) =>
      sequence % 2 || sequence > 500
    );
    assert.deepEqual(read, expected);
    assert.deepEqual(await Array.fromAsync(jsm.consumers.list("DEMO")), []);
  });
}
