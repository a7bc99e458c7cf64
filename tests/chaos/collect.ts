import { jetstream, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Dead } from "./account.ts";
import { pause } from "./pause.ts";
import { numberOf } from "./workload.ts";

const POLL_MS = 200;
const STUCK_MS = 60_000;
const BATCH = 2_000;
const FETCH_MS = 5_000;

/**
 * Waits until no consumer of these streams has anything left to hand out or to be acknowledged. Consumers that move
 * no further for a minute end it as well: what is missing then the account says.
 */
export async function untilQuiet(jsm: JetStreamManager, streams: readonly string[]): Promise<void> {
  let last = "", movedAtMs = performance.now();
  while (performance.now() - movedAtMs < STUCK_MS) {
    try {
      const state = await backlog(jsm, streams);
      if (state.open === 0) return;
      if (state.position !== last) [last, movedAtMs] = [state.position, performance.now()];
    } catch {
      // a server that is still coming back
    }
    await pause(POLL_MS);
  }
}

async function backlog(jsm: JetStreamManager, streams: readonly string[]): Promise<{ open: number; position: string }> {
  let open = 0;
  const positions: string[] = [];
  for (const stream of streams) {
    for await (const { name, num_pending, num_ack_pending, ack_floor, delivered } of jsm.consumers.list(stream)) {
      open += num_pending + num_ack_pending;
      positions.push(`${stream}.${name}: ${delivered.consumer_seq} ${ack_floor.consumer_seq} ${num_pending}`);
    }
  }
  // A delayed retry is nobody's to hand out before its time.
  if (streams.includes("RETRIES")) open += (await jsm.streams.info("RETRIES")).state.messages;
  return { open, position: positions.join(", ") };
}

/** The number of every event of a type in a stream, in its order. */
export async function storedNumbers(nc: NatsConnection, stream: string, subject: string): Promise<number[]> {
  const numbers: number[] = [];
  await eachStored(nc, stream, subject, ({ id, payload }) => {
    numbers.push(id.startsWith("asked-") ? numberOf(id) : JSON.parse(payload).n);
  });
  return numbers;
}

/** Every dead letter. */
export async function deadLetters(nc: NatsConnection): Promise<Dead[]> {
  const dead: Dead[] = [];
  await eachStored(nc, "DEAD_LETTERS", "dead_letters.>", ({ id, header, payload }) => {
    const fn = header("weir-function"), reason = header("weir-reason");
    dead.push({ n: id.startsWith("asked-") ? numberOf(id) : JSON.parse(payload).n, fn, reason });
  });
  return dead;
}

interface Stored {
  readonly id: string;
  readonly payload: string;
  header(name: string): string;
}

/** Reads what a stream holds now, by a consumer that nobody else sees. */
async function eachStored(
  nc: NatsConnection,
  stream: string,
  subject: string,
  read: (stored: Stored) => void,
): Promise<void> {
  const consumer = await jetstream(nc).consumers.get(stream, { filter_subjects: subject });
  for (let pending = (await consumer.info(false)).num_pending; pending > 0;) {
    let got = 0;
    for await (const message of await consumer.fetch({ max_messages: Math.min(BATCH, pending), expires: FETCH_MS })) {
      got++;
      pending = message.info.pending;
      const header = (name: string) => message.headers?.get(name) ?? "";
      read({ id: header("ce-id"), payload: message.string(), header });
    }
    if (got === 0) {
      throw new Error(`${stream} has ${pending} more messages for "${subject}" and does not hand them out`);
    }
  }
}
