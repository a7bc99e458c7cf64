import assert from "node:assert/strict";
import type { Driver, Received } from "./conformance_driver.ts";

/** Asserts behaviour of JetStream that Weir or the simulation relies on, on a stream of its own. */
export type Statement = (js: Driver, stream: string) => Promise<void>;

/** Ack wait of the tests' consumers. Long enough that a busy machine sends an in-progress ack at half of it in time. */
export const ACK_WAIT_MS = 4_000;
/** How long a test waits for a delivery, which may be late on a busy machine. */
export const LATE_MS = 60_000;
/** How much earlier than expected a delivery may arrive: the clocks of server and test differ. */
export const EARLY_MS = 20;
/** How long a test waits to see that no delivery arrives. */
const NO_DELIVERY_MS = 300;

/** Creates a stream with a consumer `c` on `<stream>.in.>`, and publishes messages with the bodies 1, 2, 3… */
export async function createStream(
  js: Driver,
  stream: string,
  messages = 1,
  options: { workQueue?: boolean; maxAckPending?: number } = {},
) {
  const { workQueue = false, maxAckPending } = options;
  await js.addStream({ name: stream, subjects: [`${stream}.>`], workQueue });
  await js.addConsumer(stream, { name: "c", filters: [`${stream}.in.>`], ackWaitMs: ACK_WAIT_MS, maxAckPending });
  for (let n = 1; n <= messages; n++) await js.publish(`${stream}.in.${n}`, {}, String(n));
  const next = async (): Promise<Received> => {
    const received = await js.next(stream, "c", LATE_MS);
    assert.ok(received, "no message was delivered");
    return received;
  };
  return { next, nothing: async () => assert.equal(await js.next(stream, "c", NO_DELIVERY_MS), undefined) };
}

/** Returns a delivery as `body#deliveries`. */
export function describe({ body, deliveries }: Received): string {
  return `${body}#${deliveries}`;
}
