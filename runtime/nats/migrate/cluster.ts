import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import type { ConnectionMonitor } from "../client/connection_monitor.ts";
import { appendHeader } from "../client/internals.ts";
import { entriesOf } from "../client/message_headers.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";

/** A cluster, and the two namespaces on it between which things move. */
export interface MigrationCluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly monitor: ConnectionMonitor;
  readonly messages: MessagePublisher;
  readonly duplicates: DuplicateFinder;
  readonly from: Namespace;
  readonly to: Namespace;
}

/**
 * Number of moves at once. It bounds the payloads in memory, and the messages that an interruption leaves in both
 * namespaces.
 */
export const WINDOW = 32;

/**
 * Returns the headers of a stored message, to store it again. A header that begins with `Nats-` is left out unless
 * `kept` names it: a direct read has added it, or it was for the server.
 */
export function copyHeaders({ header }: StoredMsg, kept: readonly string[] = ["Nats-Msg-Id"]): MsgHdrs {
  const hdrs = headers(), names = kept.map((name) => name.toLowerCase());
  for (const [name, value] of entriesOf(header)) {
    if (!/^nats-/i.test(name) || names.includes(name.toLowerCase())) appendHeader(hdrs, name, value);
  }
  return hdrs;
}

/**
 * Has the server store a message only if its subject has none. A run that follows an interrupted one so stores nothing
 * twice.
 */
export function onlyOnce(hdrs: MsgHdrs): MsgHdrs {
  hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
  return hdrs;
}

/** Resolves to undefined if the subject of a message that is stored {@linkcode onlyOnce} had one already. */
export async function unlessStored(publishing: Promise<PublishResult>): Promise<PublishResult | undefined> {
  try {
    return await publishing;
  } catch (error) {
    const isStored = error instanceof PublishError && error.jetStreamCode === JETSTREAM_CODES.streamWrongLastSequence;
    if (!isStored) throw error;
    return undefined;
  }
}

/**
 * Runs an action on each item, at most {@linkcode WINDOW} at once, until it is aborted. Resolves to the number done.
 */
export async function inWindows<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal,
  act: (item: Item, isFirstWindow: boolean) => Promise<unknown>,
): Promise<number> {
  let done = 0, window: Item[] = [];
  const flush = async () => {
    const isFirst = done === 0, all = window;
    window = [];
    await Promise.all(all.map((item) => act(item, isFirst)));
    done += all.length;
  };
  for await (const item of items) {
    if (signal.aborted) return done;
    window.push(item);
    if (window.length === WINDOW) await flush();
  }
  if (!signal.aborted) await flush();
  return done;
}
