import type { StoredMsg } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { readStored } from "../inspect/read_stored.ts";
import { bucketStream } from "../topology/resources.ts";
import { findStream } from "../topology/find.ts";
import { inWindows, type MigrationCluster, onlyOnce, unlessStored } from "./cluster.ts";

/**
 * Copies the entries of a bucket that the same bucket of the other namespace does not have. The old entries stay. The
 * copy of an entry with a time to live lives for the rest of that time. Resolves to the number of copies.
 *
 * @param bucket Name of the bucket without a namespace.
 * @param keys The keys to copy: a pattern. Default: all.
 */
export async function copyEntries(
  { jsm, messages, from, to }: MigrationCluster,
  bucket: string,
  signal: AbortSignal,
  keys = ">",
): Promise<number> {
  const stream = bucketStream(from.bucket(bucket)), prefix = `$KV.${from.bucket(bucket)}.`;
  if (!await findStream(jsm, stream)) return 0;
  let copied = 0;
  await inWindows(readStored(jsm, stream, prefix + keys), signal, async (entry) => {
    const hdrs = onlyOnce(headers()), ttl = remainingTtl(entry);
    // The entry is deleted, or about to expire.
    if (entry.data.length === 0 || entry.header.get("KV-Operation") || ttl === "0s") return;
    if (ttl) hdrs.set("Nats-TTL", ttl);
    const subject = `$KV.${to.bucket(bucket)}.${entry.subject.slice(prefix.length)}`;
    if (await unlessStored(messages.publish(subject, entry.data, hdrs))) copied++;
  });
  return copied;
}

/** Returns the rest of an entry's time to live, in whole seconds, or undefined if the entry does not expire. */
function remainingTtl({ header, time }: StoredMsg): string | undefined {
  const seconds = /^(\d+)s$/.exec(header.get("Nats-TTL"))?.[1];
  if (seconds === undefined) return undefined;
  return `${Math.max(0, Math.ceil(Number(seconds) - (Date.now() - time.getTime()) / 1_000))}s`;
}
