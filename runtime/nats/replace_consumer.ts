import { AckPolicy, DeliverPolicy, type JetStreamManager, RetentionPolicy } from "@nats-io/jetstream";
import type { Clock } from "../flow/ports.ts";
import { removeConsumer } from "./carry_out.ts";
import type { Durable } from "./plan_consumer.ts";
import { markerOf } from "./plan_topology.ts";
import { ensureTopology } from "./topology.ts";

/** How long running processes have to settle what they hold, and how often it is looked whether they have. */
const SETTLE_MS = 60_000, LOOK_MS = 50;
/** A pause that nobody ends ends by itself so much later. */
const PAUSE_MARGIN_MS = 30_000;

/** It could not be replaced, and is as it was. */
export class NotReplaced extends Error {}

/** How {@linkcode replaceConsumer} goes about it. */
export interface ReplaceOptions {
  readonly clock: Clock;
  readonly settleMs?: number;
  /** Is told before each step that changes something; what it throws ends the replacing there. */
  readonly before?: (step: "mark" | "delete" | "create") => void;
}

/**
 * Puts a new consumer in the place of one that JetStream cannot change, where that has got to: nothing is lost and
 * nothing repeated, and processes that pull on it go on with the new one.
 *
 * It is paused until what it has handed out is settled; then all up to one place in the stream is settled, and nothing
 * behind that. A durable of its own marks that place before the old one is deleted, and goes when the new one is there.
 * Interrupted between, whoever makes the consumer next, a start or a repair too, begins at the mark. (The mark also
 * keeps the interest of a stream that keeps events only for as long as somebody has any. A work queue needs none, and
 * takes none: it holds what is not settled, and nothing else.)
 *
 * @returns how many stored events wait for the new one
 * @throws {NotReplaced} when what it has handed out is not settled in time.
 */
export async function replaceConsumer(
  jsm: JetStreamManager,
  durable: Durable,
  { clock, settleMs = SETTLE_MS, before = () => {} }: ReplaceOptions,
): Promise<number> {
  const { stream, functionName: name, filters } = durable, marker = markerOf(name);
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.timer(ms, resolve));
  const giveUpAtMs = clock.now() + settleMs;
  await jsm.consumers.pause(stream, name, new Date(giveUpAtMs + PAUSE_MARGIN_MS));
  let info = await jsm.consumers.info(stream, name);
  while (info.num_ack_pending > 0) {
    if (clock.now() > giveUpAtMs) {
      await jsm.consumers.resume(stream, name);
      throw new NotReplaced(
        `${info.num_ack_pending} events that it has handed out were not settled within ${settleMs / 1_000} s: ` +
          `start, or stop, whoever holds them, and try again`,
      );
    }
    await sleep(LOOK_MS);
    info = await jsm.consumers.info(stream, name);
  }
  const { config: { retention } } = await jsm.streams.info(stream);
  if (retention !== RetentionPolicy.Workqueue) {
    before("mark");
    await removeConsumer(jsm, stream, marker);
    await jsm.consumers.add(stream, {
      durable_name: marker,
      description: `where ${name} goes on: it is being replaced`,
      ack_policy: AckPolicy.Explicit,
      filter_subjects: [...filters],
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: info.ack_floor.stream_seq + 1,
    });
  }
  before("delete");
  await removeConsumer(jsm, stream, name);
  before("create");
  // A process that pulls may have found it missing meanwhile, and made it at the same mark.
  const made = await ensureTopology(jsm, [], [durable], undefined, { partly: true });
  await removeConsumer(jsm, stream, marker);
  return made[0]?.waiting ?? (await jsm.consumers.info(stream, name)).num_pending;
}
