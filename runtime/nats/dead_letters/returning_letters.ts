import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { readStored } from "../inspect/read_stored.ts";
import { ORDER_KEY } from "./dead_letters.ts";

/**
 * Returns the subjects in RETRIES on which an event that was sent back waits or runs: first for its function, and then
 * in a partition, if the function has some. Invariant: read them in this order. The event is stored on the second before
 * it leaves the first.
 *
 * @param sequence Sequence of the dead letter that it was. Default: that of any.
 */
function returningSubjects(functionName: string, { retries }: Namespace, sequence?: number): readonly string[] {
  return [
    `${retries.redriven}.${functionName}.${sequence ?? "*"}.>`,
    `${retries.partition}.${functionName}.*.*.${sequence ?? "*"}`,
  ];
}

/** Returns whether the event of a dead letter was sent back and has not ended. */
export async function isReturning(
  nc: Pick<NatsConnection, "request">,
  functionName: string,
  sequence: number,
  names: Namespace,
): Promise<boolean> {
  for (const subject of returningSubjects(functionName, names, sequence)) {
    if (await countMessages(nc, { stream: names.retries.stream, subject }) > 0) return true;
  }
  return false;
}

/** Returns whether an event of a key was sent back and has not ended. */
export async function isKeyReturning(
  jsm: JetStreamManager,
  functionName: string,
  key: string,
  names: Namespace,
): Promise<boolean> {
  for (const subject of returningSubjects(functionName, names)) {
    for await (const { header } of readStored(jsm, names.retries.stream, subject)) {
      if (header.get(ORDER_KEY) === key) return true;
    }
  }
  return false;
}
