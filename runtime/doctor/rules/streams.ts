import type { StreamInfo } from "@nats-io/jetstream";
import { covers } from "../../core/subjects.ts";
import { ACK_WAIT_MS } from "../../nats/consume/ack_wait.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { connected, known } from "../facts.ts";
import { NEARLY_FULL, percent, size, span } from "../format.ts";
import { eventStreams, limitsOf, weirStreams } from "../project_streams.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

/** Milliseconds for which a publish may be repeated: a publisher retries for 8 s, and its last try may take 2 s. */
const PUBLISH_MS = 10_000;
/** Milliseconds of the duplicate window to recommend at least: JetStream's default. */
const RECOMMENDED_WINDOW_MS = 120_000;

/** Rules on the configuration of all streams. */
export const STREAMS: readonly Rule[] = rulesOf("streams", [
  {
    id: "duplicate-window",
    holds: "the duplicate window of every stream covers the time in which an event may be published again",
    why: "A publisher retries for 10 seconds. Once an event is older than half the window, Weir itself looks for a " +
      "duplicate. With a shorter window an emitted event may be stored twice. In a work queue Weir cannot look, so the " +
      "window must cover the longest retry.",
    fix: '`duplicateWindow: "2m"` in defineStream',
    find: (facts) => {
      const { functions } = known(facts.project);
      return [
        ...eventStreams(facts).flatMap((stream) => duplicateWindow(stream, functions, false)),
        ...weirStreams(facts).flatMap((stream) => duplicateWindow(stream, functions, true)),
      ];
    },
  },
  {
    id: "discard-old",
    holds: "a full stream refuses new events",
    why:
      "With `discard: old` a full stream removes its oldest event for each new one, even if it was not handled, and " +
      "without a dead letter.",
    fix: "`nats stream edit NAME --discard=new`: publishers then get an error when the stream is full",
    find: (facts) =>
      eventStreams(facts).filter((stream) => stream.config.discard === "old" && limitsOf(stream).length > 0).map((
        stream,
      ) => ({
        severity: "warning",
        what: `the stream ${stream.config.name} discards old events when it is full (${limitsOf(stream).join(", ")})`,
        fix: `nats stream edit ${stream.config.name} --discard=new`,
      })),
  },
  {
    id: "stream-limits",
    holds: `no stream is more than ${NEARLY_FULL} % full`,
    why: "A full stream stores no event. The ingress answers 503. Functions that emit wait, and dead letters too.",
    fix: "raise the limit, or delete messages",
    find: ({ streams }) =>
      [...known(streams).values()].filter(({ config }) => config.discard === "new").flatMap(({ config, state }) => {
        const usages = [
          [config.max_bytes, state.bytes, "max_bytes", `${size(state.bytes)} of ${size(config.max_bytes)}`],
          [config.max_msgs, state.messages, "max_msgs", `${state.messages} of ${config.max_msgs} messages`],
        ] as const;
        return usages.filter(([limit, used]) => limit > 0 && percent(used, limit) > NEARLY_FULL).map((
          [limit, used, name, usage],
        ) => ({
          severity: used >= limit ? "error" as const : "warning" as const,
          what: `the stream ${config.name} is ${percent(used, limit)} % full: ${usage}`,
          fix: `nats stream edit ${config.name} --${name.replaceAll("_", "-")}=${2 * limit}`,
        }));
      }),
  },
  {
    id: "message-size",
    holds: "every stream accepts messages of the size that the server accepts",
    why: "The stream refuses a larger event: the ingress answers 413, a function that emits it fails, and a retry " +
      "that RETRIES refuses cannot be delayed.",
    fix: "`nats stream edit NAME --max-msg-size=-1`",
    find: ({ streams, connection }) => {
      const { maxPayload } = connected({ connection });
      return [...known(streams).values()].map(({ config }) => config)
        .filter(({ max_msg_size }) => max_msg_size > 0 && max_msg_size < maxPayload)
        .map(({ name, max_msg_size }) => ({
          severity: "warning",
          what: `the stream ${name} accepts messages of up to ${size(max_msg_size)}, ` +
            `and the server of up to ${size(maxPayload)}`,
          fix: `nats stream edit ${name} --max-msg-size=-1`,
        }));
    },
  },
  {
    id: "memory",
    holds: "every stream is stored in files",
    why: "A stream in memory is lost when its server restarts.",
    fix: '`storage: "file"` in a new stream, since JetStream cannot change the storage of an existing one',
    find: ({ streams, project }) => {
      const declared = known(project).streams.filter(({ storage }) => storage === "memory").map(({ name }) => name);
      return [...known(streams).values()].filter(({ config }) => config.storage === "memory").map(({ config }) => {
        const onPurpose = declared.includes(config.name);
        return {
          severity: onPurpose ? "info" as const : "warning" as const,
          what: `the stream ${config.name} is in memory${onPurpose ? ", as declared" : ""}`,
          fix: `delete the stream ${config.name} once its events are handled; \`start\` creates it again`,
        };
      });
    },
  },
  {
    id: "accepts-events",
    holds: "every stream stores events and acknowledges them",
    why: "A sealed stream or a mirror stores no event. A stream with no_ack sends no ack, so every publish times out.",
    fix: "`nats stream edit NAME --ack`; for a sealed stream or a mirror, another stream",
    find: ({ streams }) =>
      [...known(streams).values()].flatMap(({ config }) => {
        const problem = config.sealed
          ? "is sealed"
          : config.mirror
          ? "is a mirror"
          : config.no_ack
          ? "has no_ack: it does not acknowledge events"
          : undefined;
        if (problem === undefined) return [];
        const fix = config.no_ack ? `nats stream edit ${config.name} --ack` : `declare another stream in schemas/`;
        return [{ severity: "error", what: `the stream ${config.name} ${problem}`, fix }];
      }),
  },
]);

function duplicateWindow({ config }: StreamInfo, functions: readonly ResolvedFunction[], isWeirs: boolean) {
  const { name, retention, max_age, duplicate_window } = config, hasMs = duplicate_window / 1e6;
  const emitters = functions.filter(({ emits }) =>
    emits.some(({ type }) => config.subjects?.some((subject) => covers(subject, type)))
  );
  const longestMs = Math.max(...emitters.map(({ policy }) => policy.retry.maxMs + policy.timeoutMs));
  const isQueue = retention !== "limits" && emitters.length > 0;
  const needsMs = isQueue ? longestMs + ACK_WAIT_MS + PUBLISH_MS : 2 * PUBLISH_MS;
  if (hasMs >= needsMs) return [];
  const windowMs = Math.max(RECOMMENDED_WINDOW_MS, needsMs), window = span(windowMs);
  // The window cannot be longer than the stream's max_age.
  const maxAge = max_age > 0 && max_age / 1e6 < windowMs ? ` maxAge: "${window}",` : "";
  const reason = isQueue
    ? `functions may emit to this work queue again after ${span(needsMs)}`
    : `${span(needsMs)} is needed`;
  const violation: Violation = {
    severity: "warning",
    what: `the stream ${name} has a duplicate window of ${span(hasMs)}; ${reason}`,
    fix: isWeirs
      ? `nats stream edit ${name} --dupe-window=${window}`
      : `defineStream({ name: "${name}",${maxAge} duplicateWindow: "${window}" }) in schemas/`,
  };
  return [violation];
}
