import type { Namespace } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import type { Registry } from "../../project/registry.ts";
import { publish, scanPermissions } from "../topology/permissions.ts";
import { replyFields } from "../../project/resolve_replies.ts";
import type { Permission, Resources } from "../topology/resources.ts";

/** Returns the streams that store a project's events, and the permissions to publish them. */
export function eventResources(
  { streams, foreignStreams = [], events, functions }: Registry,
  names: Namespace,
): Resources {
  const emitted = functions.flatMap(({ emits }) => emits.map(({ type }) => type));
  const ingress = [...events.values()].filter((event) => event.ingress).map(({ type }) => type);
  // A late repeat of an emitted event is looked up in the stream of its type.
  const scanned = streams.filter(({ subjects }) =>
    emitted.some((type) => subjects.some((subject) => covers(subject, type)))
  );
  const foreign = foreignStreams.map((name) => ({ name, publishes: publishedInto(name, { events, functions }) }))
    .filter(({ name, publishes }) =>
      publishes.length > 0 || functions.some(({ triggers }) => triggers.some(({ stream }) => stream === name))
    );
  return {
    streams: streams.map((stream) => ({
      ...stream,
      name: names.stream(stream.name),
      subjects: stream.subjects.map((subject) => names.subject(subject)),
    })),
    foreign,
    permissions: [
      ...publish("to store events", ...[...new Set([...emitted, ...ingress])].map((type) => names.subject(type))),
      ...publish("to find the stream of a subject", "$JS.API.STREAM.NAMES"),
      ...[...replyFields(events).keys()].map((type): Permission => ({
        action: "subscribe",
        subject: names.subject(type),
        purpose: "to answer requests that wait for a reply",
      })),
      ...scanPermissions(
        ...scanned.map(({ name }) => names.stream(name)),
        ...foreign.filter(({ publishes }) => publishes.some(({ type }) => emitted.includes(type))).map(({ name }) =>
          name
        ),
      ),
    ],
  };
}

/** Returns the types that the project publishes into a stream that Weir does not own. */
function publishedInto(stream: string, { events, functions }: Pick<Registry, "events" | "functions">) {
  const open = [...events.values()].filter((event) => event.ingress && event.stream === stream);
  return [
    ...open.map(({ type }) => ({ type, by: `event "${type}" has \`ingress\`` })),
    ...functions.flatMap(({ file, emits }) =>
      emits.filter((event) => event.stream === stream).map(({ type }) => ({ type, by: `${file} emits it` }))
    ),
  ];
}
