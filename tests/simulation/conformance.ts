import assert from "node:assert/strict";
import type { Driver, Received } from "./conformance_driver.ts";

/** Something that JetStream does, and Weir or the simulation leans on. The stream's name is the statement's own. */
export type Statement = (js: Driver, stream: string) => Promise<void>;

/** Long enough that what is done at half of it is done in time, on a busy machine too. */
export const ACK_WAIT_MS = 4_000;
/** So long a message may be late, and so much earlier a clock may say it was. */
export const LATE_MS = 60_000, EARLY_MS = 20;
/** So long nothing must come where nothing may. */
const NOTHING_MS = 300;

/** A stream with the consumer `c` on `<stream>.>` and so many messages, whose bodies are 1, 2, 3… */
export async function stocked(
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
    assert.ok(received, "nothing came");
    return received;
  };
  return { next, nothing: async () => assert.equal(await js.next(stream, "c", NOTHING_MS), undefined) };
}

/** What came, as `body#deliveries`. */
export function short({ body, deliveries }: Received): string {
  return `${body}#${deliveries}`;
}
