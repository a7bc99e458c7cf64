import { DEFAULT_PREFIXES, prefixed, type SubjectPrefixes } from "../client/subject_prefixes.ts";
import { bucketStream, combine, type Permission, type Resources, streamNames } from "./resources.ts";

const API = "$JS.API", ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER";

/**
 * Returns every permission that the NATS user of a process needs. Permissions to create a stream or consumer are left
 * out if it exists, since in many clusters another user creates them.
 *
 * @param existing Names of existing streams, and of existing consumers as `STREAM.CONSUMER`.
 * @param prefixes The subjects by which the connection reaches JetStream. Default: `$JS.API` and `_INBOX`.
 */
export function permissionsOf(
  parts: readonly Resources[],
  existing: ReadonlySet<string>,
  prefixes: SubjectPrefixes = DEFAULT_PREFIXES,
): Permission[] {
  const desired = combine(parts), names = streamNames(desired), foreign = desired.foreign.map(({ name }) => name);
  const durables = desired.durables.map(({ stream, consumer }) => `${stream}.${consumer}`);
  const missing = (all: readonly string[]) => all.filter((name) => !existing.has(name));
  const all: Permission[] = [
    { action: "subscribe", subject: "_INBOX.>", purpose: "to receive NATS replies and deliveries" },
    ...parts.flatMap(({ permissions = [] }) => permissions),
    ...publish("to count attempts and remember handled events", ...desired.buckets.map(({ name }) => `$KV.${name}.>`)),
    ...publish("to look at streams", ...[...names, ...foreign].map((name) => `${API}.STREAM.INFO.${name}`)),
    ...publish(
      "to read a stored message",
      ...[...desired.streams.map(({ name }) => name), ...foreign].map((name) => `${API}.STREAM.MSG.GET.${name}`),
    ),
    ...publish(
      "to read key-value buckets",
      ...desired.buckets.map(({ name }) => `${API}.DIRECT.GET.${bucketStream(name)}.>`),
    ),
    ...publish("to look at consumers", ...durables.map((name) => `${API}.CONSUMER.INFO.${name}`)),
    ...publish("to pull events", ...durables.map((name) => `${API}.CONSUMER.MSG.NEXT.${name}`)),
    ...publish(
      "to hand over the events of functions with `order` at once",
      ...desired.durables.filter(({ isPinned }) => isPinned).map(({ stream, consumer }) =>
        `${API}.CONSUMER.UNPIN.${stream}.${consumer}`
      ),
    ).map((permission) => ({ ...permission, optional: true as const })),
    ...publish("to settle events", ...durables.map((name) => `$JS.ACK.${name}.>`)),
    ...publish("to create streams", ...missing(names).map((name) => `${API}.STREAM.CREATE.${name}`)),
    ...publish("to create consumers", ...missing(durables).map((name) => `${API}.CONSUMER.DURABLE.CREATE.${name}`)),
    ...durables.flatMap((name) =>
      ["MSG_TERMINATED", "MAX_DELIVERIES"].map((kind): Permission => ({
        action: "subscribe",
        subject: `${ADVISORY}.${kind}.${name}`,
        purpose: "to bring back events that the server gives up on",
        optional: true,
      }))
    ),
  ];
  return all.map((permission) => ({ ...permission, subject: prefixed(permission.subject, prefixes) }));
}

export function publish(purpose: string, ...subjects: readonly string[]): Permission[] {
  return subjects.map((subject) => ({ action: "publish", subject, purpose }));
}

/** Returns the permissions to read whole streams through consumers that expire, as `scanStream` does. */
export function scanPermissions(...streams: readonly string[]): Permission[] {
  const requests = streams.flatMap((name) => [
    `CONSUMER.CREATE.${name}`,
    `CONSUMER.INFO.${name}.*`,
    `CONSUMER.MSG.NEXT.${name}.*`,
  ]);
  return publish(
    "to list dead letters, and to find an event stored before the duplicate window",
    ...requests.map((request) => `${API}.${request}`),
  );
}

/** Returns the permissions to count the messages of streams, as `countMessages` does. */
export function countPermissions(...streams: readonly string[]): Permission[] {
  return publish("to count and list what waits", ...streams.map((name) => `${API}.DIRECT.GET.${name}`));
}

/** Returns the permissions to delete single messages of streams. */
export function deletePermissions(...streams: readonly string[]): Permission[] {
  return publish(
    "to delete redriven and handled messages",
    ...streams.map((name) => `${API}.STREAM.MSG.DELETE.${name}`),
  );
}
