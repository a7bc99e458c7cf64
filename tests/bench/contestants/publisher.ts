/**
 * Publishes orders at a fixed rate, whether or not earlier ones are stored or handled. Each order carries the time at
 * which it should have been sent, so that a late publisher does not hide latency (coordinated omission).
 *
 * Timers have a resolution of a millisecond, five events at 5,000/s. `Atomics.wait` is finer; the event loop runs
 * between two waits, to serve the socket.
 */
import { setImmediate } from "node:timers";
import { connect } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { Histogram } from "../histogram.ts";
import { nowMs, SUBJECT } from "../order.ts";
import { message } from "../order_message.ts";

const NAP_MS = 0.1;
const HEAD_START_MS = 50;

const { url, perSecond, events } = JSON.parse(Deno.args[0]) as { url: string; perSecond: number; events: number };
const nc = await connect({ servers: url });
const store = new JetStreamPublisher(nc, systemClock);
const cell = new Int32Array(new SharedArrayBuffer(4));
const lateMicros = new Histogram(), storing: Promise<unknown>[] = [];
const beginsAtMs = nowMs() + HEAD_START_MS, betweenMs = 1_000 / perSecond;
for (let n = 0; n < events;) {
  for (; n < events && beginsAtMs + n * betweenMs <= nowMs(); n++) {
    const atMs = beginsAtMs + n * betweenMs, { payload, headers } = message(n, atMs);
    lateMicros.record((nowMs() - atMs) * 1_000);
    storing.push(store.publish(SUBJECT, payload, headers));
  }
  await new Promise<void>((resolve) => setImmediate(resolve));
  Atomics.wait(cell, 0, 0, NAP_MS);
}
await Promise.all(storing);
store.close();
await nc.close();
console.log(JSON.stringify({ what: "published", lateMicros: lateMicros.percentile(99) }));
Deno.exit(0);
