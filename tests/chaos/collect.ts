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
 * Waits until no consumer of these streams has pending or unacked messages. It also returns if no consumer progresses
 * for a minute: the account then lists the missing events as lost.
 */
export async function waitUntilSettled(jsm: JetStreamManager, streams: readonly string[]): Promise<void> {
  let last = "", movedAtMs = performance.now();
  while (performance.now() - movedAtMs < STUCK_MS) {
    try {
      const state = await backlog(jsm, streams);
      if (state.open === 0) return;
      if (state.position !== last) [last, movedAtMs] = [state.position, performance.now()];
    } catch {
      // the server is still starting
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
  // No consumer counts a delayed retry before it is due.
  if (streams.includes("RETRIES")) open += (await jsm.streams.info("RETRIES")).state.messages;
  return { open, position: positions.join(", ") };
}

/** Returns the number of every event of a type, in the order of the stream. */
export async function storedNumbers(nc: NatsConnection, stream: string, subject: string): Promise<number[]> {
  const numbers: number[] = [];
  await readMessages(nc, stream, subject, ({ id, payload }) => {
    numbers.push(id.startsWith("asked-") ? numberOf(id) : JSON.parse(payload).n);
  });
  return numbers;
}

/** Returns every dead letter. */
export async function deadLetters(nc: NatsConnection): Promise<Dead[]> {
  const dead: Dead[] = [];
  await readMessages(nc, "DEAD_LETTERS", "dead_letters.>", ({ id, header, payload }) => {
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

/** Reads all messages of a subject through an ordered consumer. */
async function readMessages(
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
      throw new Error(`${stream} has ${pending} more messages for "${subject}" and does not deliver them`);
    }
  }
}
